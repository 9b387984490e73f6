use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::*;

/// The certificate of the guide's "Using X.509 certificate policy variables", with six common names, and `*` for initials.
/// Made once by `openssl x509 -req`; it is expired, and that does not matter here.
pub(crate) fn example() -> Subject {
    let der = CertificateDer::from_pem_slice(include_bytes!("example.pem")).unwrap();
    Subject::parse(&der).unwrap()
}

#[test]
fn the_guides_certificate() {
    let subject = example();
    for (name, expected) in [
        ("SerialNumber", Some("92:12:85:cb:b7:a5:e0:86")),
        ("Issuer.DistinguishedNameQualifier", Some("Example corp")),
        ("Issuer.Country", Some("US")),
        ("Issuer.Organization", Some("IoT Devices")),
        ("Issuer.OrganizationalUnit", Some("SmartHome")),
        ("Issuer.State", Some("WA")),
        ("Issuer.CommonName", Some("IoT Devices Primary CA")),
        ("Issuer.SerialNumber", Some("987")),
        ("Issuer.Title", Some("CA1")),
        ("Issuer.Surname", Some("SmartHome")),
        ("Issuer.GivenName", Some("Primary CA1")),
        ("Issuer.Initials", Some("XY")),
        ("Issuer.Pseudonym", Some("Primary_CA")),
        ("Issuer.GenerationQualifier", Some("2")),
        ("Subject.DistinguishedNameQualifier", Some("Bulb001")),
        ("Subject.Country", Some("US")),
        ("Subject.Organization", Some("IoT Devices")),
        ("Subject.OrganizationalUnit", Some("LightBulb")),
        ("Subject.State", Some("NY")),
        ("Subject.CommonName", Some("LightBulb Device Cert")),
        ("Subject.SerialNumber", Some("123")),
        ("Subject.Title", Some("RGB")),
        ("Subject.Surname", Some("Multi Color")),
        ("Subject.GivenName", Some("Bulb")),
        ("Subject.Initials", None),
        ("Subject.Pseudonym", Some("RGB Device")),
        ("Subject.GenerationQualifier", Some("4")),
        ("Issuer.AlternativeName.DNSName", Some("issuer.com")),
        ("Issuer.AlternativeName.IPAddress", Some("5.6.7.8")),
        ("Issuer.AlternativeName.RFC822Name", Some("ca@issuer.com")),
        ("Issuer.AlternativeName.UniformResourceIdentifier", Some("https://issuer.com")),
        ("Issuer.AlternativeName.DirectoryName", Some("C=US, O=Issuer")),
        ("Subject.AlternativeName.DNSName", Some("example.com")),
        ("Subject.AlternativeName.IPAddress", Some("1.2.3.4")),
        ("Subject.AlternativeName.RFC822Name", Some("bulb@example.com")),
        ("Subject.AlternativeName.UniformResourceIdentifier", Some("https://example.com")),
        ("Subject.AlternativeName.DirectoryName", Some("C=US, O=IoT, CN=Bulb")),
    ] {
        assert_eq!(subject.value(Attribute::parse(name).unwrap(), 0), expected, "{name}");
    }
}

#[test]
fn of_many_values_the_first_five_count() {
    let subject = example();
    let name = Attribute::Name(Party::Subject, "CommonName");
    assert_eq!(subject.list(name).unwrap(), ["LightBulb Device Cert", "Operator", "Administrator", "four", "five"]);
    assert_eq!(subject.value(name, 2), Some("Administrator"));
    assert_eq!(subject.value(name, 5), None);
    let hosts = Attribute::Alternative(Party::Subject, "DNSName");
    assert_eq!(subject.list(hosts).unwrap(), ["example.com", "second.example.com"]);
}

#[test]
fn what_cannot_be_used_is_no_value() {
    let mut subject = Subject::default();
    let title = Attribute::Name(Party::Subject, "Title");
    assert_eq!(subject.list(title), None);
    let long = "x".repeat(1025);
    for value in ["fine", "a*", "a?", "#", "+", &long, &long[1..]] {
        let mut one = Subject::default();
        one.push(title, Some(value));
        let usable = value == "fine" || value.len() == 1024;
        assert_eq!((one.value(title, 0).is_some(), one.list(title).is_some()), (usable, usable), "{value}");
    }
    subject.push(title, Some("fine"));
    subject.push(title, Some("*"));
    assert_eq!((subject.value(title, 0), subject.list(title)), (Some("fine"), None));
}

#[test]
fn names_of_attributes() {
    for unknown in
        ["", "Subject", "Subject.", "Subject.Name", "subject.CommonName", "Subject.AlternativeName.X400", "X.Title"]
    {
        assert_eq!(Attribute::parse(unknown), None, "{unknown}");
    }
    assert_eq!(Subject::parse(b"no certificate"), None);
}
