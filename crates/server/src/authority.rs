//! Makes the `:authority` of gRPC clients on unix sockets readable.
//!
//! gRPC's C core, on which the Python client stands, writes the percent-encoded path of the socket as `:authority`. A
//! percent sign is not allowed there (RFC 3986, section 3.2), so the HTTP/2 library refuses the request before any of our
//! code sees it. On unix sockets nothing is decided by the authority, so on the way in its percent signs become hyphens. To
//! find them, the frames (RFC 9113, section 4.1) and header fields (RFC 7541, section 6) are walked through byte by byte;
//! lengths stay as they are, and nothing else is touched.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What every HTTP/2 connection begins with (RFC 9113, section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const FRAME_HEADER_BYTES: usize = 9;
const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const FLAG_END_HEADERS: u8 = 0x4;
const FLAG_PADDED: u8 = 0x8;
const FLAG_PRIORITY: u8 = 0x20;
const PRIORITY_BYTES: u32 = 5;

/// The place of `:authority` in the static table of header fields.
const AUTHORITY_INDEX: u8 = 1;

/// Its name, which the C core spells out.
const AUTHORITY_NAME: &[u8] = b":authority";

/// A stream whose incoming `:authority` values have no percent signs.
pub(crate) struct ReadableAuthority<S> {
    stream: S,
    walk: Walk,
}

impl<S> ReadableAuthority<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, walk: Walk::default() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadableAuthority<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let this = &mut *self;
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if let Poll::Ready(Ok(())) = &read {
            this.walk.pass(&mut buffer.filled_mut()[before..]);
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadableAuthority<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// Where in the stream of bytes the walk is.
enum At {
    /// So many bytes of the preface have come.
    Preface(usize),
    /// Not HTTP/2: everything passes.
    Other,
    /// In a frame's header, of which so many bytes have come.
    Frame(usize),
    /// In a payload of which so many bytes are left.
    Payload(u32),
    /// Before the pad length of a headers frame.
    PadLength(u32),
    /// In header fields: bytes to be passed over first, bytes of fields, bytes of padding after them.
    Fields { skip: u32, fields: u32, padding: u32 },
}

struct Walk {
    at: At,
    header: [u8; FRAME_HEADER_BYTES],
    field: Field,
}

impl Default for Walk {
    fn default() -> Self {
        Self { at: At::Preface(0), header: [0; FRAME_HEADER_BYTES], field: Field::Start }
    }
}

impl Walk {
    fn pass(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.at = match self.at {
                At::Other => return,
                At::Preface(place) if *byte != PREFACE[place] => At::Other,
                At::Preface(place) if place + 1 == PREFACE.len() => At::Frame(0),
                At::Preface(place) => At::Preface(place + 1),
                At::Frame(place) => {
                    self.header[place] = *byte;
                    if place + 1 == FRAME_HEADER_BYTES { self.payload() } else { At::Frame(place + 1) }
                }
                At::Payload(left) => next(left - 1, At::Payload),
                At::PadLength(left) => {
                    let padding = u32::from(*byte);
                    self.fields(left - 1, padding)
                }
                At::Fields { skip, fields, padding } if skip > 0 => self.rest(skip - 1, fields, padding),
                At::Fields { skip, fields, padding } if fields > 0 => {
                    self.field.pass(byte);
                    self.rest(skip, fields - 1, padding)
                }
                At::Fields { skip, fields, padding } => self.rest(skip, fields, padding.saturating_sub(1)),
            };
        }
    }

    /// What comes after a frame's header.
    fn payload(&mut self) -> At {
        let [high, middle, low, kind, flags, ..] = self.header;
        let length = u32::from_be_bytes([0, high, middle, low]);
        match kind {
            HEADERS if flags & FLAG_PADDED != 0 && length > 0 => At::PadLength(length),
            HEADERS => self.fields(length, 0),
            CONTINUATION => self.rest(0, length, 0),
            _ => next(length, At::Payload),
        }
    }

    fn fields(&mut self, length: u32, padding: u32) -> At {
        let skip = if self.header[4] & FLAG_PRIORITY != 0 { PRIORITY_BYTES.min(length) } else { 0 };
        let padding = padding.min(length - skip);
        self.rest(skip, length - skip - padding, padding)
    }

    fn rest(&mut self, skip: u32, fields: u32, padding: u32) -> At {
        if skip + fields + padding > 0 {
            return At::Fields { skip, fields, padding };
        }
        if self.header[4] & FLAG_END_HEADERS != 0 {
            self.field = Field::Start;
        }
        At::Frame(0)
    }
}

fn next(left: u32, at: impl Fn(u32) -> At) -> At {
    if left == 0 { At::Frame(0) } else { at(left) }
}

/// Where in a header field the walk is.
#[derive(Clone, Copy)]
enum Field {
    Start,
    /// In the further bytes of a number; then comes what is named.
    Number(Then),
    /// Before the length of a string.
    Length(Then),
    /// In the further bytes of a string's length.
    LongLength {
        then: Then,
        plain: bool,
        length: u32,
        shift: u32,
    },
    /// In a string, of which so many bytes are left; `same` of those before are the beginning of [`AUTHORITY_NAME`].
    Text {
        then: Then,
        plain: bool,
        left: u32,
        same: Option<usize>,
    },
}

/// What a number is followed by, or which string it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// The next field.
    Field,
    /// A name, then a value.
    Name,
    /// A value.
    Value,
    /// The value of `:authority`.
    Authority,
}

impl Field {
    fn pass(&mut self, byte: &mut u8) {
        *self = match *self {
            Self::Start => Self::begin(*byte),
            Self::Number(then) if *byte & 0x80 != 0 => Self::Number(then),
            Self::Number(Then::Field) => Self::Start,
            Self::Number(then) => Self::Length(then),
            Self::Length(then) => {
                let plain = *byte & 0x80 == 0;
                match *byte & 0x7f {
                    0x7f => Self::LongLength { then, plain, length: 0x7f, shift: 0 },
                    length => Self::text(then, plain, length.into(), Some(0)),
                }
            }
            Self::LongLength { then, plain, length, shift } => {
                let length = length.saturating_add(u32::from(*byte & 0x7f).checked_shl(shift).unwrap_or(u32::MAX));
                if *byte & 0x80 != 0 {
                    Self::LongLength { then, plain, length, shift: shift + 7 }
                } else {
                    Self::text(then, plain, length, Some(0))
                }
            }
            Self::Text { then, plain, left, same } => {
                if then == Then::Authority && plain && *byte == b'%' {
                    *byte = b'-';
                }
                let same =
                    same.filter(|place| plain && AUTHORITY_NAME.get(*place) == Some(byte)).map(|place| place + 1);
                Self::text(then, plain, left - 1, same)
            }
        };
    }

    /// The first byte of a field tells its kind and the index of its name.
    fn begin(byte: u8) -> Self {
        let (index, full, literal) = match byte {
            0x80.. => (byte & 0x7f, 0x7f, false),
            0x40.. => (byte & 0x3f, 0x3f, true),
            0x20.. => (byte & 0x1f, 0x1f, false),
            _ => (byte & 0x0f, 0x0f, true),
        };
        match (literal, index) {
            (false, index) if index == full => Self::Number(Then::Field),
            (false, _) => Self::Start,
            (true, 0) => Self::Length(Then::Name),
            (true, AUTHORITY_INDEX) => Self::Length(Then::Authority),
            (true, index) if index == full => Self::Number(Then::Value),
            (true, _) => Self::Length(Then::Value),
        }
    }

    fn text(then: Then, plain: bool, left: u32, same: Option<usize>) -> Self {
        match (left, then) {
            (0, Then::Name) if same == Some(AUTHORITY_NAME.len()) => Self::Length(Then::Authority),
            (0, Then::Name) => Self::Length(Then::Value),
            (0, _) => Self::Start,
            _ => Self::Text { then, plain, left, same },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
        [&[length[1], length[2], length[3], kind, flags, 0, 0, 0, 1], payload].concat()
    }

    fn field(first: u8, value: &[u8]) -> Vec<u8> {
        [&[first, u8::try_from(value.len()).expect("short")], value].concat()
    }

    /// Passes bytes in pieces of every size.
    fn passed(bytes: &[u8]) -> Vec<u8> {
        let mut whole = bytes.to_vec();
        Walk::default().pass(&mut whole);
        for size in 1..7 {
            let mut walk = Walk::default();
            let mut pieces = bytes.to_vec();
            pieces.chunks_mut(size).for_each(|piece| walk.pass(piece));
            assert_eq!(pieces, whole, "pieces of {size}");
        }
        whole
    }

    #[test]
    fn n_6_percent_signs_of_the_authority_and_no_others_become_hyphens() {
        let path = field(0x44, b"/a%2Fb");
        let authority = field(0x41, b"tmp%2Fa.sock");
        let named = [&[0x40][..], &field(0x3, b"x%y")[1..], &field(0, b"1%2")[1..]].concat();
        let spelled = [&field(0x40, b":authority")[..], &field(0, b"spelled%2Fout")[1..]].concat();
        let long = [&[0x41, 0x7f, 0x21][..], &[b'%'; 160]].concat();
        let headers = [&[0x83, 0x86][..], &path, &authority, &named, &spelled, &long].concat();
        let data = b"100%";
        let sent = [PREFACE, &frame(4, 0, &[0; 6]), &frame(HEADERS, 0x4, &headers), &frame(0, 1, data)].concat();
        let received = passed(&sent);
        let text = String::from_utf8_lossy(&received).into_owned();
        assert!(
            text.contains("tmp-2Fa.sock") && text.contains("/a%2Fb") && text.contains("x%y") && text.contains("1%2")
        );
        assert!(text.ends_with("100%") && text.contains(&"-".repeat(160)));
        assert_eq!(received.len(), sent.len());
    }

    #[test]
    fn padding_priority_and_continuations_are_walked_through() {
        let authority = field(0x01, b"a%b");
        let (start, end) = authority.split_at(3);
        let padded = [&[2][..], &[b'%'; 5], start, b"%%"].concat();
        let frames =
            [PREFACE, &frame(HEADERS, 0x28, &padded), &frame(CONTINUATION, 0x4, end), &frame(HEADERS, 0x4, &authority)];
        let text = String::from_utf8_lossy(&passed(&frames.concat())).into_owned();
        assert_eq!(text.matches('%').count(), 7, "only priority and padding keep theirs: {text:?}");
    }

    #[test]
    fn http_1_passes_as_it_is() {
        let request = b"POST /a%2Fb HTTP/1.1\r\nhost: tmp%2Fa.sock\r\n\r\n";
        assert_eq!(passed(request), request);
    }
}
