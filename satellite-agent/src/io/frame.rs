//! Frames in an append-only file: a mark, a length, a CRC-32 and the content.
//!
//! After damage the mark lets reading go on at the next whole frame. What the content means is not known here.

/// Begins every frame.
const MARK: [u8; 4] = *b"mrv1";
/// Bytes before the content: mark, length, CRC-32 of the content, each of 4 bytes, little-endian.
pub(super) const HEADER_BYTES: usize = 12;
/// Largest content, in bytes.
pub(super) const CONTENT_BYTES_MAX: usize = 64 * 1024;

/// `content` as a frame; none if it is too large.
pub(super) fn encode(content: &[u8]) -> Option<Vec<u8>> {
    let length = u32::try_from(content.len()).ok().filter(|_| content.len() <= CONTENT_BYTES_MAX)?;
    let mut frame = Vec::with_capacity(HEADER_BYTES + content.len());
    frame.extend_from_slice(&MARK);
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&crc32fast::hash(content).to_le_bytes());
    frame.extend_from_slice(content);
    Some(frame)
}

/// A piece of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Piece<'a> {
    /// A whole frame.
    Frame {
        /// Where it begins.
        start: usize,
        /// Where it ends.
        end: usize,
        /// What is in it.
        content: &'a [u8],
    },
    /// Bytes that are no frame.
    Bad {
        /// Where they begin.
        start: usize,
        /// Where the next frame begins, or the file ends.
        end: usize,
        /// They look like the beginning of a frame whose rest was never written: a crash, not damage.
        torn: bool,
    },
}

enum Parsed<'a> {
    Whole(&'a [u8], usize),
    Short,
    Wrong,
}

fn parse(bytes: &[u8]) -> Parsed<'_> {
    let Some((header, rest)) = bytes.split_at_checked(HEADER_BYTES) else {
        return if MARK.starts_with(bytes.get(..4).unwrap_or(bytes)) { Parsed::Short } else { Parsed::Wrong };
    };
    let word = |at: usize| header.get(at..at + 4).and_then(|word| <[u8; 4]>::try_from(word).ok()).unwrap_or_default();
    let length = u32::from_le_bytes(word(4)) as usize;
    if word(0) != MARK || length > CONTENT_BYTES_MAX {
        return Parsed::Wrong;
    }
    match rest.get(..length) {
        None => Parsed::Short,
        Some(content) if crc32fast::hash(content) == u32::from_le_bytes(word(8)) => {
            Parsed::Whole(content, HEADER_BYTES + length)
        }
        Some(_) => Parsed::Wrong,
    }
}

/// The pieces of `bytes`, in order and without gaps.
pub(super) fn pieces(bytes: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let start = at;
        let first = parse(rest);
        if let Parsed::Whole(content, length) = first {
            at += length;
            return Some(Piece::Frame { start, end: at, content });
        }
        let next = (1..rest.len()).find(|skip| {
            rest.get(*skip..).is_some_and(|tail| tail.starts_with(&MARK) && matches!(parse(tail), Parsed::Whole(..)))
        });
        at = next.map_or(bytes.len(), |skip| start + skip);
        Some(Piece::Bad { start, end: at, torn: next.is_none() && matches!(first, Parsed::Short) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> Vec<u8> {
        [b"one".as_slice(), b"", b"three"].iter().flat_map(|content| encode(content).unwrap()).collect()
    }

    fn contents(bytes: &[u8]) -> Vec<&[u8]> {
        pieces(bytes).filter_map(|p| if let Piece::Frame { content, .. } = p { Some(content) } else { None }).collect()
    }

    #[test]
    fn every_cut_is_a_torn_tail() {
        let whole = file();
        assert_eq!(contents(&whole), [b"one".as_slice(), b"", b"three"]);
        for cut in 1..whole.len() {
            let bytes = &whole[..cut];
            for piece in pieces(bytes) {
                assert!(!matches!(piece, Piece::Bad { torn: false, .. }), "cut at {cut}");
            }
        }
    }

    #[test]
    fn every_flipped_byte_is_found_and_the_other_frames_are_read() {
        for at in 0..file().len() {
            let mut bytes = file();
            bytes[at] ^= 0x55;
            let bad = pieces(&bytes).filter(|piece| matches!(piece, Piece::Bad { .. })).count();
            assert_eq!(bad, 1, "flipped {at}");
            assert_eq!(contents(&bytes).len(), 2, "flipped {at}");
        }
    }

    #[test]
    fn contents_are_bounded() {
        assert!(encode(&vec![0; CONTENT_BYTES_MAX]).is_some());
        assert!(encode(&vec![0; CONTENT_BYTES_MAX + 1]).is_none());
    }
}
