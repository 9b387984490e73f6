//! An embedding of words and spellings: texts that share words, or parts of words, are near one another.
//!
//! Features are the words and the character trigrams of a text, hashed with signs into a vector (feature hashing:
//! Weinberger et al., 2009). It knows no meaning. Equal texts give equal vectors on every machine: the hash is FNV-1a,
//! frequencies are damped by a square root, which IEEE 754 rounds exactly, and features are added up in order.

use super::words::{is_topic, words};
use fnv::FnvHasher;
use std::{collections::BTreeMap, hash::Hasher};

/// Name of the vector space. Whoever changes a feature, a weight or the hash gives it another.
pub(super) const SPACE: &str = "lexical-256-v1";
/// Dimensions of a vector.
const DIMENSIONS: usize = 256;
/// Weight of a trigram; that of a word is 1.
const TRIGRAM_WEIGHT: f64 = 0.4;

/// A vector of unit length. A text without words is as near to any as another such text: it has one feature of its own.
pub(super) fn embed(text: &str) -> Vec<f32> {
    let mut sums = [0_f64; DIMENSIONS];
    for (feature, (count, weight)) in features(text) {
        let hash = hash(&feature);
        // FNV-1a mixes its low bits best; the sign comes from others than the index.
        let index = usize::try_from(hash % DIMENSIONS as u64).unwrap_or_default();
        let sign = if (hash >> 16) & 1 == 0 { 1.0 } else { -1.0 };
        if let Some(sum) = sums.get_mut(index) {
            *sum += sign * weight * f64::from(count).sqrt();
        }
    }
    let length = sums.iter().map(|x| x * x).sum::<f64>().sqrt();
    if length == 0.0 {
        // Every feature met its opposite.
        return std::iter::once(1.0).chain(std::iter::repeat_n(0.0, DIMENSIONS - 1)).collect();
    }
    #[expect(clippy::cast_possible_truncation, reason = "vectors are f32")]
    sums.iter().map(|x| (x / length) as f32).collect()
}

/// How often each feature occurs, and its weight.
fn features(text: &str) -> BTreeMap<String, (u32, f64)> {
    let mut all = words(text);
    if all.iter().any(|word| is_topic(word)) {
        all.retain(|word| is_topic(word));
    } else if all.is_empty() {
        all.push(String::new());
    }
    let mut features = BTreeMap::new();
    let mut add = |feature: String, weight: f64| features.entry(feature).or_insert((0_u32, weight)).0 += 1;
    for word in all {
        let padded: Vec<char> = format!("<{word}>").chars().collect();
        for trigram in padded.windows(3) {
            add(format!("t{}", trigram.iter().collect::<String>()), TRIGRAM_WEIGHT);
        }
        add(format!("w{word}"), 1.0);
    }
    features
}

fn hash(feature: &str) -> u64 {
    let mut hasher = FnvHasher::default();
    hasher.write(feature.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cosine(a: &str, b: &str) -> f32 {
        embed(a).iter().zip(embed(b)).map(|(x, y)| x * y).sum()
    }

    #[test]
    fn the_space_is_what_its_name_says() {
        let vector = embed("The spare key is under the blue pot");
        let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_bits().to_be_bytes()).collect();
        let mut hasher = FnvHasher::default();
        hasher.write(&bytes);
        assert_eq!((vector.len(), SPACE), (256, "lexical-256-v1"));
        insta::assert_snapshot!(format!("{:016x}", hasher.finish()), @"95ddd009083ee68c");
    }

    #[test]
    fn nearness_follows_words_and_spelling() {
        assert!(cosine("Anna likes green tea", "what tea does anna like") > 0.5);
        assert!(cosine("the café is closed", "CAFE closed") > 0.9);
        assert!(cosine("gardening", "garden") > cosine("gardening", "lamp") + 0.2);
        assert!(cosine("the lamp is broken", "anna plays chess").abs() < 0.3);
    }

    #[test]
    fn every_text_has_a_vector_of_unit_length() {
        for text in ["", "  ", "?!", "the", "ß", "日本語のメモ", &"x y ".repeat(1000)] {
            let length: f32 = embed(text).iter().map(|x| x * x).sum();
            assert!((length - 1.0).abs() < 1e-5, "{text}: {length}");
        }
        assert_eq!(embed(""), embed("?!"));
    }
}
