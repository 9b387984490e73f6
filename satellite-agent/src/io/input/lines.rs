//! Bytes to lines, without input or output. It never holds more than one line of the longest length.

use marvain_domain::event::TRANSCRIPT_BYTES_MAX;

/// Longest line in bytes, without its end.
pub(super) const LINE_BYTES_MAX: usize = TRANSCRIPT_BYTES_MAX;

/// A line, or why it is none. `end` counts bytes from the beginning, line end included.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Item {
    Line {
        text: String,
        end: u64,
    },
    /// Longer than [`LINE_BYTES_MAX`].
    TooLong {
        bytes: u64,
        end: u64,
    },
    /// Not UTF-8 from this byte of the line on.
    NotUtf8 {
        byte: usize,
        end: u64,
    },
}

impl Item {
    pub(super) const fn end(&self) -> u64 {
        match self {
            Self::Line { end, .. } | Self::TooLong { end, .. } | Self::NotUtf8 { end, .. } => *end,
        }
    }
}

/// The splitter.
#[derive(Debug, Default)]
pub(super) struct Lines {
    line: Vec<u8>,
    bytes: u64,
    offset: u64,
}

impl Lines {
    /// Begins at this byte of the whole.
    pub(super) fn at(offset: u64) -> Self {
        Self { offset, ..Self::default() }
    }

    /// Takes bytes and gives the lines that end in them. Bounded by `bytes`.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Vec<Item> {
        let mut items = Vec::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.offset += part.len() as u64;
            let (part, ends) =
                part.split_last().filter(|(last, _)| **last == b'\n').map_or((part, false), |(_, p)| (p, true));
            self.bytes += part.len() as u64;
            // One byte more than a line may have, for a carriage return.
            let room = (LINE_BYTES_MAX + 1).saturating_sub(self.line.len());
            self.line.extend_from_slice(part.get(..room).unwrap_or(part));
            if ends {
                items.push(self.end());
            }
        }
        items
    }

    /// What is left after the last line end, if anything.
    pub(super) fn finish(&mut self) -> Option<Item> {
        (self.bytes > 0).then(|| self.end())
    }

    fn end(&mut self) -> Item {
        let mut line = std::mem::take(&mut self.line);
        let mut bytes = std::mem::take(&mut self.bytes);
        let end = self.offset;
        if bytes == line.len() as u64 && line.last() == Some(&b'\r') {
            line.pop();
            bytes -= 1;
        }
        if bytes > LINE_BYTES_MAX as u64 {
            return Item::TooLong { bytes, end };
        }
        match String::from_utf8(line) {
            Ok(text) => Item::Line { text, end },
            Err(error) => Item::NotUtf8 { byte: error.utf8_error().valid_up_to(), end },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(whole: &[u8], chunk: usize) -> Vec<Item> {
        let mut lines = Lines::default();
        let mut items: Vec<_> = whole.chunks(chunk).flat_map(|bytes| lines.push(bytes)).collect();
        items.extend(lines.finish());
        items
    }

    #[test]
    fn lines_are_the_same_however_the_bytes_come() {
        let long = "x".repeat(LINE_BYTES_MAX);
        let whole =
            [b"one\r\n\n".as_slice(), b"a\xffb\n", long.as_bytes(), b"\r\n", long.as_bytes(), b"y\nlast"].concat();
        let expected = split(&whole, whole.len());
        let line = |text: &str, end| Item::Line { text: text.to_owned(), end };
        assert_eq!(expected[..3], [line("one", 5), line("", 6), Item::NotUtf8 { byte: 1, end: 10 }]);
        let end = 10 + LINE_BYTES_MAX as u64 + 2;
        assert_eq!(expected[3], line(&long, end));
        assert_eq!(expected[4], Item::TooLong { bytes: 4097, end: end + 4098 });
        assert_eq!(expected[5], line("last", whole.len() as u64));
        for chunk in [1, 2, 3, 7, 4096, 8192] {
            assert_eq!(split(&whole, chunk), expected, "chunks of {chunk}");
        }
    }

    #[test]
    fn an_endless_line_takes_no_more_memory_than_a_line() {
        let mut lines = Lines::default();
        for _ in 0..1000 {
            assert!(lines.push(&[b'x'; 8192]).is_empty());
        }
        assert!(lines.line.capacity() <= 2 * LINE_BYTES_MAX + 8192);
        assert_eq!(lines.push(b"\n"), [Item::TooLong { bytes: 8_192_000, end: 8_192_001 }]);
    }
}
