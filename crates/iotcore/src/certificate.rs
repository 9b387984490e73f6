//! What a client certificate says of its holder and of its issuer, for policy variables. Developer Guide, "X.509 Certificate
//! AWS IoT Core policy variables".
//!
//! It does not know whether the certificate is registered, or whether its signature is right.

use std::net::IpAddr;

use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate, X509Name};

/// Values of one attribute; further ones are left out. The same page, "Array fields".
const VALUES_MAX: usize = 5;
/// Longest value; a longer one is none. The same page, "String length".
const VALUE_CHARS_MAX: usize = 1024;

/// Parts of a distinguished name, by their object identifiers.
const NAME_PARTS: [(&str, &str); 13] = [
    ("DistinguishedNameQualifier", "2.5.4.46"),
    ("Country", "2.5.4.6"),
    ("Organization", "2.5.4.10"),
    ("OrganizationalUnit", "2.5.4.11"),
    ("State", "2.5.4.8"),
    ("CommonName", "2.5.4.3"),
    ("SerialNumber", "2.5.4.5"),
    ("Title", "2.5.4.12"),
    ("Surname", "2.5.4.4"),
    ("GivenName", "2.5.4.42"),
    ("Initials", "2.5.4.43"),
    ("Pseudonym", "2.5.4.65"),
    ("GenerationQualifier", "2.5.4.44"),
];

/// Kinds of alternative names.
const ALTERNATIVE_NAMES: [&str; 5] =
    ["RFC822Name", "DNSName", "DirectoryName", "UniformResourceIdentifier", "IPAddress"];

/// Whom an attribute speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Party {
    Issuer,
    Subject,
}

/// An attribute of a certificate that has a policy variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attribute {
    SerialNumber,
    /// One of [`NAME_PARTS`].
    Name(Party, &'static str),
    /// One of [`ALTERNATIVE_NAMES`].
    Alternative(Party, &'static str),
}

impl Attribute {
    /// The attribute of a variable's name after `iot:Certificate.`, `Subject.CommonName` for example.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        if name == "SerialNumber" {
            return Some(Self::SerialNumber);
        }
        let (party, part) = match name.split_once('.')? {
            ("Issuer", part) => (Party::Issuer, part),
            ("Subject", part) => (Party::Subject, part),
            _ => return None,
        };
        match part.strip_prefix("AlternativeName.") {
            Some(kind) => {
                let kind = ALTERNATIVE_NAMES.into_iter().find(|known| *known == kind)?;
                Some(Self::Alternative(party, kind))
            }
            None => {
                let (part, _) = NAME_PARTS.into_iter().find(|(known, _)| *known == part)?;
                Some(Self::Name(party, part))
            }
        }
    }
}

/// The attributes of one certificate that policies can ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// In the certificate's order. Without a text: a value that AWS does not put in place of a variable.
    values: Vec<(Attribute, Option<Box<str>>)>,
}

impl Subject {
    /// Reads a certificate in DER; none if it is not one.
    #[must_use]
    pub fn parse(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let mut subject = Self::default();
        // As the guide prints it: without the byte that keeps the number positive.
        let serial = certificate.raw_serial_as_string();
        subject.push(Attribute::SerialNumber, Some(serial.strip_prefix("00:").unwrap_or(&serial)));
        subject.push_name(Party::Issuer, certificate.issuer());
        subject.push_name(Party::Subject, certificate.subject());
        for extension in certificate.extensions() {
            match extension.parsed_extension() {
                ParsedExtension::IssuerAlternativeName(names) => {
                    subject.push_alternatives(Party::Issuer, &names.general_names);
                }
                ParsedExtension::SubjectAlternativeName(names) => {
                    subject.push_alternatives(Party::Subject, &names.general_names);
                }
                _ => {}
            }
        }
        subject.values.shrink_to_fit();
        Some(subject)
    }

    fn push_name(&mut self, party: Party, name: &X509Name<'_>) {
        for part in name.iter_attributes() {
            let identifier = part.attr_type().to_id_string();
            if let Some((known, _)) = NAME_PARTS.into_iter().find(|(_, known)| *known == identifier) {
                self.push(Attribute::Name(party, known), part.as_str().ok());
            }
        }
    }

    fn push_alternatives(&mut self, party: Party, names: &[GeneralName<'_>]) {
        for name in names {
            let (kind, value) = match name {
                GeneralName::RFC822Name(address) => ("RFC822Name", Some((*address).to_owned())),
                GeneralName::DNSName(host) => ("DNSName", Some((*host).to_owned())),
                GeneralName::DirectoryName(name) => ("DirectoryName", Some(name.to_string())),
                GeneralName::URI(uri) => ("UniformResourceIdentifier", Some((*uri).to_owned())),
                GeneralName::IPAddress(bytes) => ("IPAddress", address(bytes)),
                _ => continue,
            };
            self.push(Attribute::Alternative(party, kind), value.as_deref());
        }
    }

    fn push(&mut self, attribute: Attribute, value: Option<&str>) {
        if self.values.iter().filter(|(known, _)| *known == attribute).count() < VALUES_MAX {
            // "Wildcards" on that page does not say which: those of policies and those of topic filters.
            let usable =
                |value: &&str| value.chars().count() <= VALUE_CHARS_MAX && !value.contains(['*', '?', '+', '#']);
            self.values.push((attribute, value.filter(usable).map(Box::from)));
        }
    }

    /// The value of this number, counted from 0.
    pub(crate) fn value(&self, attribute: Attribute, index: usize) -> Option<&str> {
        self.of(attribute).nth(index)?
    }

    /// All values; none if there are none, or one of them cannot be used.
    pub(crate) fn list(&self, attribute: Attribute) -> Option<Vec<&str>> {
        self.of(attribute).collect::<Option<Vec<_>>>().filter(|values| !values.is_empty())
    }

    fn of(&self, attribute: Attribute) -> impl Iterator<Item = Option<&str>> {
        self.values.iter().filter(move |(known, _)| *known == attribute).map(|(_, value)| value.as_deref())
    }
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok().map(|address| address.to_string())
}

#[cfg(test)]
pub(crate) mod tests;
