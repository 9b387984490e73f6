//! Certificates and requests for them, in DER.

use crate::ca;
use crate::certificate::{Attribute, Subject};

/// The input is a client certificate, as TLS hands it over. What a policy may be told of it is bounded, and is never a
/// pattern.
pub fn certificate(input: &[u8]) {
    let Some(subject) = Subject::parse(input) else { return };
    for name in ["SerialNumber", "Subject.CommonName", "Issuer.Country", "Subject.AlternativeName.DNSName"] {
        let Some(attribute) = Attribute::parse(name) else { continue };
        assert_eq!(subject.value(attribute, 5), None);
        let values: Vec<_> = (0..5).map_while(|index| subject.value(attribute, index)).collect();
        assert!(values.iter().all(|value| value.chars().count() <= 1024 && !value.contains(['*', '?', '+', '#'])));
        match subject.list(attribute) {
            Some(list) => assert_eq!(list, values),
            None => assert!(values.len() < 5),
        }
    }
}

/// The input is a certificate signing request.
pub fn csr(input: &[u8]) {
    let _refused_or_taken = ca::key_of_csr(input);
}
