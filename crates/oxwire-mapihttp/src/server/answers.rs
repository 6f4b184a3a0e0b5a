//! Answers that were given, kept for the client whose connection was lost before it read them.

use std::collections::VecDeque;

use bytes::Bytes;
use oxwire_mapi::mapihttp::ResponseCode;

use super::Refusal;

/// What an exchange was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// X-ResponseCode 0 and the body, in parts.
    Success(Box<[Bytes]>),
    /// An X-ResponseCode behind DONE, and the diagnostic text.
    Failure(Refusal, Bytes),
}

impl Reply {
    /// X-ResponseCode.
    pub(crate) const fn code(&self) -> ResponseCode {
        match self {
            Self::Success(_) => ResponseCode::SUCCESS,
            Self::Failure(refusal, _) => refusal.code(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Success(parts) => parts.iter().map(Bytes::len).sum(),
            Self::Failure(_, text) => text.len(),
        }
    }
}

/// One answered request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) request_id: Box<[u8]>,
    pub(crate) fingerprint: u64,
    pub(crate) reply: Reply,
}

impl Answer {
    /// Bytes that it is counted as: its content, and the room that it takes beside that.
    fn weight(&self) -> usize {
        const OVERHEAD: usize = 96;
        OVERHEAD + self.request_id.len() + self.reply.len()
    }
}

/// What a repeated X-RequestId comes to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Repeated<'a> {
    /// It was not answered before, or that is forgotten.
    No,
    /// The same request: the same answer.
    Same(&'a Reply),
    /// The same id with another body.
    OtherBody,
}

/// The answers of one context, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    entries: VecDeque<Answer>,
    weight: usize,
}

impl Answers {
    pub(crate) fn find(&self, request_id: &[u8], fingerprint: u64) -> Repeated<'_> {
        match self.entries.iter().rev().find(|answer| *answer.request_id == *request_id) {
            None => Repeated::No,
            Some(answer) if answer.fingerprint == fingerprint => Repeated::Same(&answer.reply),
            Some(_) => Repeated::OtherBody,
        }
    }

    /// Whether an answer to that request is kept; asked first, so that a body is fingerprinted only where it matters.
    pub(crate) fn knows(&self, request_id: &[u8]) -> bool {
        self.entries.iter().any(|answer| *answer.request_id == *request_id)
    }

    /// Keeps an answer and forgets the oldest ones past `max_count` and `max_weight`.
    pub(crate) fn keep(&mut self, answer: Answer, max_count: usize, max_weight: usize) {
        let weight = answer.weight();
        if weight > max_weight || max_count == 0 {
            return;
        }
        while self.entries.len() >= max_count || self.weight + weight > max_weight {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.weight -= oldest.weight();
        }
        self.weight += weight;
        self.entries.push_back(answer);
    }

    pub(crate) const fn weight(&self) -> usize {
        self.weight
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Answer> {
        self.entries.iter()
    }
}

/// 64 bits by which one body is told from another of the same X-RequestId.
///
/// It is no message authentication code. A client that makes two bodies of its own collide gets its own earlier answer and
/// nothing of anybody else's, so a cheap function over 16 bytes a step is enough.
pub(crate) fn fingerprint(body: &[u8]) -> u64 {
    const A: u64 = 0x9E37_79B9_7F4A_7C15;
    const B: u64 = 0xD6E8_FEB8_6659_FD93;
    let fold = |x: u64, y: u64| {
        let product = u128::from(x) * u128::from(y);
        let [high, low] = [product >> 64, product & u128::from(u64::MAX)];
        u64::try_from(high ^ low).unwrap_or_default()
    };
    let mut steps = body.chunks_exact(16);
    let mut state = A ^ u64::try_from(body.len()).unwrap_or(u64::MAX);
    let mut step = |bytes: &[u8; 16]| {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *bytes;
        let (x, y) = (u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from_le_bytes([i, j, k, l, m, n, o, p]));
        state = fold(x ^ state ^ A, y ^ state.rotate_left(32) ^ B) ^ state.rotate_left(23);
    };
    for chunk in steps.by_ref() {
        if let Ok(bytes) = chunk.try_into() {
            step(bytes);
        }
    }
    let mut rest = [0; 16];
    for (to, from) in rest.iter_mut().zip(steps.remainder()) {
        *to = *from;
    }
    step(&rest);
    fold(state ^ A, B)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn answer(id: &str, len: usize) -> Answer {
        let reply = Reply::Success([Bytes::from(vec![0; len])].into());
        Answer { request_id: id.as_bytes().into(), fingerprint: 7, reply }
    }

    #[test]
    fn the_same_request_gets_the_same_answer() {
        let mut answers = Answers::default();
        answers.keep(answer("a:1", 3), 8, 1 << 10);
        assert!(matches!(answers.find(b"a:1", 7), Repeated::Same(Reply::Success(parts)) if parts[0].len() == 3));
        assert_eq!(answers.find(b"a:1", 8), Repeated::OtherBody);
        assert_eq!(answers.find(b"a:2", 7), Repeated::No);
        assert!(answers.knows(b"a:1") && !answers.knows(b"a:2"));
    }

    #[test]
    fn answers_are_bounded_by_count_and_by_bytes() {
        let mut answers = Answers::default();
        for n in 0..10 {
            answers.keep(answer(&format!("a:{n}"), 0), 4, 1 << 20);
        }
        assert_eq!(answers.iter().count(), 4);
        assert!(answers.knows(b"a:9") && !answers.knows(b"a:5"));
        let mut answers = Answers::default();
        for n in 0..10 {
            answers.keep(answer(&format!("a:{n}"), 401), 64, 1000);
            assert!(answers.weight() <= 1000);
        }
        assert_eq!((answers.iter().count(), answers.weight()), (2, 1000));
        answers.keep(answer("large", 1000), 64, 1000);
        assert!(!answers.knows(b"large"));
    }

    #[test]
    fn bodies_that_differ_anywhere_differ_in_fingerprint() {
        let mut seen = HashSet::new();
        for len in 0..70 {
            assert!(seen.insert(fingerprint(&vec![0; len])));
            for at in 0..len {
                for bit in 0..8 {
                    let mut body = vec![0; len];
                    body[at] ^= 1 << bit;
                    assert!(seen.insert(fingerprint(&body)), "{len} {at} {bit}");
                }
            }
        }
    }
}
