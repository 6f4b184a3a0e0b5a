//! SRV records from a name server: [RFC 1035], [RFC 2782]. The system's resolver interface gives addresses only.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use oxwire::autodiscover::discovery::SrvRecord;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;

/// Time for one question and its answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// Name servers that are asked, as resolvers do.
const MOST_SERVERS: usize = 3;

/// Bytes of an answer by UDP, which the question announces.
const UDP_SIZE: u16 = 1232;

const SRV: u16 = 33;
const OPT: u16 = 41;
const INTERNET: u16 = 1;

/// No records, for a reason to tell.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SrvError {
    /// Nobody to ask.
    #[error("this machine names no name server ({0}): say --dns ADDR, or state the answer with --srv NAME:PORT")]
    NoServer(String),
    /// The name has a label that no question can carry.
    #[error("the name is none that can be asked for")]
    Name,
    /// Nothing came.
    #[error("{server}: {error}")]
    Io {
        /// Who was asked.
        server: SocketAddr,
        /// What the system says.
        error: io::Error,
    },
    /// The name server has another answer.
    #[error("{server} answers with code {code}")]
    Code {
        /// Who was asked.
        server: SocketAddr,
        /// RCODE.
        code: u8,
    },
    /// The answer is none.
    #[error("{server}: an answer that does not decode")]
    Malformed {
        /// Who was asked.
        server: SocketAddr,
    },
}

/// Asks for the records of a name: none where the name does not exist. Without `server` the machine's own are asked in turn.
///
/// # Errors
/// That of the last one asked.
pub(crate) async fn resolve(name: &str, server: Option<SocketAddr>) -> Result<Vec<SrvRecord>, SrvError> {
    let servers = match server {
        Some(server) => vec![server],
        None => machine_servers()?,
    };
    let mut last = SrvError::NoServer("none".to_owned());
    for server in servers.into_iter().take(MOST_SERVERS) {
        match ask(name, server).await {
            Ok(records) => return Ok(records),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn machine_servers() -> Result<Vec<SocketAddr>, SrvError> {
    const FILE: &str = "/etc/resolv.conf";
    let none = |error: &dyn std::fmt::Display| SrvError::NoServer(format!("{FILE}: {error}"));
    let text = std::fs::read_to_string(FILE).map_err(|error| none(&error))?;
    let servers = servers_of(&text);
    if servers.is_empty() { Err(none(&"no nameserver")) } else { Ok(servers) }
}

fn servers_of(text: &str) -> Vec<SocketAddr> {
    let address = |line: &str| {
        let address: IpAddr = line.trim().strip_prefix("nameserver")?.trim().parse().ok()?;
        Some(SocketAddr::new(address, 53))
    };
    text.lines().filter_map(address).collect()
}

async fn ask(name: &str, server: SocketAddr) -> Result<Vec<SrvRecord>, SrvError> {
    let mut id = [0; 2];
    crate::entropy::fill(&mut id);
    let question = question(name, id).ok_or(SrvError::Name)?;
    let io = |error| SrvError::Io { server, error };
    let late = |_| SrvError::Io { server, error: io::ErrorKind::TimedOut.into() };
    let answer = timeout(PATIENCE, by_udp(&question, server)).await.map_err(late)?.map_err(io)?;
    match decode(&answer) {
        Some(Answer::Truncated) => {
            let answer = timeout(PATIENCE, by_tcp(&question, server)).await.map_err(late)?.map_err(io)?;
            decode(&answer)
        }
        answer => answer,
    }
    .ok_or(SrvError::Malformed { server })?
    .records(server)
}

/// What is sent back by another address, or to another question, is not read: the socket is connected, and the first twelve
/// bytes and the question have to be those that were sent.
async fn by_udp(question: &[u8], server: SocketAddr) -> io::Result<Vec<u8>> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(server).await?;
    socket.send(question).await?;
    let mut buffer = vec![0; usize::from(UDP_SIZE)];
    loop {
        let length = socket.recv(&mut buffer).await?;
        let answer = buffer.get(..length).unwrap_or_default();
        if answers(answer, question) {
            return Ok(answer.to_vec());
        }
    }
}

async fn by_tcp(question: &[u8], server: SocketAddr) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(server).await?;
    let length = u16::try_from(question.len()).unwrap_or(u16::MAX);
    stream.write_all(&[&length.to_be_bytes(), question].concat()).await?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    if answers(&answer, question) { Ok(answer) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// One question for SRV records, recursion desired, and the size of answers that is taken ([RFC 6891]).
fn question(name: &str, id: [u8; 2]) -> Option<Vec<u8>> {
    let mut out = [&id[..], &[0x01, 0x00, 0, 1, 0, 0, 0, 0, 0, 1]].concat();
    for label in name.split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..64).contains(length))?;
        out.push(length);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    if out.len() > 12 + 255 {
        return None;
    }
    out.extend([SRV, INTERNET].into_iter().flat_map(u16::to_be_bytes));
    out.push(0);
    out.extend([OPT, UDP_SIZE, 0, 0, 0].into_iter().flat_map(u16::to_be_bytes));
    Some(out)
}

/// Whether it is an answer to that question: the same number, a response, the question itself.
fn answers(answer: &[u8], question: &[u8]) -> bool {
    // The record that announces the size stands behind the question.
    let asked = question.get(12..question.len().saturating_sub(11)).unwrap_or_default();
    let same = answer.get(..2) == question.get(..2) && answer.get(4..6) == Some(&[0, 1]);
    let echoed = answer.get(12..12 + asked.len()).is_some_and(|echoed| echoed.eq_ignore_ascii_case(asked));
    same && echoed && answer.get(2).is_some_and(|flags| flags & 0x80 != 0)
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Records(Vec<SrvRecord>),
    /// More than fits: to be asked again by TCP.
    Truncated,
    Code(u8),
}

impl Answer {
    fn records(self, server: SocketAddr) -> Result<Vec<SrvRecord>, SrvError> {
        match self {
            Self::Records(records) => Ok(records),
            Self::Truncated => Err(SrvError::Malformed { server }),
            Self::Code(code) => Err(SrvError::Code { server, code }),
        }
    }
}

/// A place in a message.
struct Cursor<'m> {
    message: &'m [u8],
    at: usize,
}

impl<'m> Cursor<'m> {
    fn bytes(&mut self, length: usize) -> Option<&'m [u8]> {
        let bytes = self.message.get(self.at..self.at.checked_add(length)?)?;
        self.at += length;
        Some(bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.bytes(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    /// A name; a pointer leads backwards, so that a name ends.
    fn name(&mut self) -> Option<String> {
        let (mut name, mut at, mut end, mut length) = (String::new(), self.at, None, 0_usize);
        loop {
            let before = at;
            let first = *self.message.get(at)?;
            at += 1;
            match first {
                0 => break,
                1..=63 => {
                    let label = self.message.get(at..at + usize::from(first))?;
                    at += usize::from(first);
                    length += usize::from(first) + 1;
                    if length > 255 {
                        return None;
                    }
                    name.extend(label.iter().map(|byte| char::from(*byte)));
                    name.push('.');
                }
                0xC0..=0xFF => {
                    let second = *self.message.get(at)?;
                    end = end.or(Some(at + 1));
                    at = usize::from(first & 0x3F) << 8 | usize::from(second);
                    if at >= before {
                        return None;
                    }
                }
                _ => return None,
            }
        }
        self.at = end.unwrap_or(at);
        if name.is_empty() {
            name.push('.');
        }
        Some(name)
    }
}

fn decode(message: &[u8]) -> Option<Answer> {
    let mut cursor = Cursor { message, at: 2 };
    let flags = cursor.u16()?;
    let (questions, count) = (cursor.u16()?, cursor.u16()?);
    cursor.bytes(4)?;
    if flags & 0x0200 != 0 {
        return Some(Answer::Truncated);
    }
    match (flags & 0x000F).to_be_bytes()[1] {
        0 => {}
        // The name does not exist, and has no records.
        3 => return Some(Answer::Records(Vec::new())),
        code => return Some(Answer::Code(code)),
    }
    for _ in 0..questions {
        cursor.name()?;
        cursor.bytes(4)?;
    }
    let mut records = Vec::new();
    for _ in 0..count {
        cursor.name()?;
        let (kind, class) = (cursor.u16()?, cursor.u16()?);
        cursor.bytes(4)?;
        let length = usize::from(cursor.u16()?);
        let end = cursor.at.checked_add(length).filter(|end| *end <= message.len())?;
        if (kind, class) == (SRV, INTERNET) {
            let (priority, weight, port) = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
            let target = cursor.name()?;
            if cursor.at != end {
                return None;
            }
            records.push(SrvRecord { priority, weight, port, target });
        }
        cursor.at = end;
    }
    Some(Answer::Records(records))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "_autodiscover._tcp.oxwire.test";

    /// By hand from [RFC 1035] 4.1 and [RFC 2782]: an alias, and a record whose target ends in a pointer to `oxwire.test`.
    fn answer() -> Vec<u8> {
        let mut message = question(NAME, [7, 9]).unwrap();
        message.truncate(message.len() - 11);
        message[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0]);
        // The name of the question stands at 12; `oxwire` at 12 + 14 + 5.
        message.extend([0xC0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 2, 0xC0, 31]);
        message.extend([0xC0, 31, 0, 33, 0, 1, 0, 0, 0, 60, 0, 13, 0, 10, 0, 60, 1, 0xBB, 4]);
        message.extend(b"mail");
        message.extend([0xC0, 31]);
        message
    }

    #[test]
    fn question_by_hand() {
        let expected = b"\x07\x09\x01\x00\0\x01\0\0\0\0\0\x01\x0d_autodiscover\x04_tcp\x06oxwire\x04test\0\0\x21\0\x01\
            \0\0\x29\x04\xd0\0\0\0\0\0\0";
        assert_eq!(question(NAME, [7, 9]).unwrap(), expected);
        assert!(question("a..b", [0, 0]).is_none());
        assert!(question(&"a".repeat(64), [0, 0]).is_none());
        assert!(question(&["abcdefghi"; 26].join("."), [0, 0]).is_none());
    }

    #[test]
    fn answer_by_hand() {
        let record = SrvRecord { priority: 10, weight: 60, port: 443, target: "mail.oxwire.test.".to_owned() };
        assert_eq!(decode(&answer()), Some(Answer::Records(vec![record])));
        assert!(answers(&answer(), &question(NAME, [7, 9]).unwrap()));
        assert!(!answers(&answer(), &question(NAME, [7, 8]).unwrap()));
        assert!(!answers(&answer(), &question("_autodiscover._tcp.oxwire.tesu", [7, 9]).unwrap()));
        assert!(!answers(&question(NAME, [7, 9]).unwrap(), &question(NAME, [7, 9]).unwrap()));
    }

    #[test]
    fn codes() {
        let with = |flags: [u8; 2]| {
            let mut message = answer();
            message[2..4].copy_from_slice(&flags);
            decode(&message)
        };
        assert_eq!(with([0x81, 0x83]), Some(Answer::Records(Vec::new())));
        assert_eq!(with([0x81, 0x82]), Some(Answer::Code(2)));
        assert_eq!(with([0x83, 0x80]), Some(Answer::Truncated));
    }

    #[test]
    fn damage_is_no_answer_and_no_panic() {
        let whole = answer();
        for length in 0..whole.len() {
            assert_eq!(decode(&whole[..length]), None, "{length}");
        }
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut damaged = whole.clone();
                damaged[at] ^= 1 << bit;
                let _ = decode(&damaged);
            }
        }
        // A pointer to itself, and one forwards.
        let last = whole.len() - 1;
        for to in [u8::try_from(last - 1).unwrap(), 0xFF] {
            let mut message = whole.clone();
            message[last] = to;
            assert_eq!(decode(&message), None);
        }
    }

    #[test]
    fn name_servers_of_the_machine() {
        let text = "# none\nsearch x\nnameserver 192.0.2.1\n nameserver\t2001:db8::1 \nnameserver x\n";
        let servers: Vec<String> = servers_of(text).iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["192.0.2.1:53", "[2001:db8::1]:53"]);
    }
}
