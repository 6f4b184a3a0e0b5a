//! Steps as they happen: a line for people, or a JSON object a line.

use std::io::Write;
use std::time::Instant;

use serde_json::{Map, Value, json};

/// What a step learned, in the order in which it is told.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Facts(Vec<Fact>);

/// Its name, its value, and how people read the value where that is not plain.
#[derive(Debug, Clone, PartialEq)]
struct Fact {
    name: String,
    value: Value,
    words: Option<String>,
    /// In JSON alone: people have seen it already, or would not want to.
    quiet: bool,
}

impl Facts {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.push(Fact { name: name.to_owned(), value: value.into(), words: None, quiet: false });
        self
    }

    /// Adds one that people read in other words.
    pub(crate) fn with_words(mut self, name: &str, value: impl Into<Value>, words: String) -> Self {
        self.0.push(Fact { name: name.to_owned(), value: value.into(), words: Some(words), quiet: false });
        self
    }

    /// Adds one that stands in JSON alone.
    pub(crate) fn with_quiet(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.push(Fact { name: name.to_owned(), value: value.into(), words: None, quiet: true });
        self
    }

    /// Adds those of another.
    pub(crate) fn with_all(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    fn members(&self) -> Map<String, Value> {
        self.0.iter().map(|fact| (fact.name.clone(), fact.value.clone())).collect()
    }

    /// Adds one where there is one.
    pub(crate) fn with_some(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure {
    /// What should have come.
    pub(crate) expected: String,
    /// What came: status, codes, the server's own text.
    pub(crate) came: String,
    /// What to do about it.
    pub(crate) advice: String,
    /// What was learned nevertheless.
    pub(crate) facts: Facts,
}

impl Failure {
    /// A failure with nothing learned beside it.
    pub(crate) fn new(expected: impl Into<String>, came: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { expected: expected.into(), came: came.into(), advice: advice.into(), facts: Facts::new() }
    }

    /// Says what to do instead, where more is known.
    pub(crate) fn with_advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// Adds what was learned nevertheless.
    pub(crate) fn with_facts(mut self, facts: Facts) -> Self {
        self.facts = facts;
        self
    }
}

/// Where the lines go.
pub(crate) struct Report<W> {
    out: W,
    json: bool,
    failed: bool,
}

impl<W: Write> Report<W> {
    /// Lines for people, or JSON.
    pub(crate) const fn new(out: W, json: bool) -> Self {
        Self { out, json, failed: false }
    }

    /// Whether a step failed.
    pub(crate) const fn failed(&self) -> bool {
        self.failed
    }

    /// Tells of a step that began at `since` and went through.
    ///
    /// # Errors
    /// Those of the output.
    pub(crate) fn pass(&mut self, step: &str, since: Instant, facts: &Facts) -> std::io::Result<()> {
        let ms = millis(since);
        if self.json {
            return self.line(step, true, ms, &Value::Object(facts.members()));
        }
        writeln!(self.out, "ok    {step:<22} {ms:>6} ms  {}", sentence(facts))?;
        self.out.flush()
    }

    /// Tells of a step that began at `since` and failed.
    ///
    /// # Errors
    /// Those of the output.
    pub(crate) fn fail(&mut self, step: &str, since: Instant, failure: &Failure) -> std::io::Result<()> {
        self.failed = true;
        let ms = millis(since);
        if self.json {
            let mut detail = failure.facts.members();
            detail.insert("expected".to_owned(), Value::from(failure.expected.as_str()));
            detail.insert("came".to_owned(), Value::from(failure.came.as_str()));
            detail.insert("advice".to_owned(), Value::from(failure.advice.as_str()));
            return self.line(step, false, ms, &Value::Object(detail));
        }
        writeln!(self.out, "FAIL  {step:<22} {ms:>6} ms  {}", sentence(&failure.facts))?;
        for (label, text) in [("expected", &failure.expected), ("came", &failure.came), ("to do", &failure.advice)] {
            writeln!(self.out, "      {label:>8}: {}", printable(text))?;
        }
        self.out.flush()
    }

    /// Tells people what goes on inside a step; in JSON it stands in the step's own line.
    ///
    /// # Errors
    /// Those of the output.
    pub(crate) fn note(&mut self, text: &str) -> std::io::Result<()> {
        if self.json {
            return Ok(());
        }
        writeln!(self.out, "      {}", printable(text))?;
        self.out.flush()
    }

    fn line(&mut self, step: &str, ok: bool, ms: u64, detail: &Value) -> std::io::Result<()> {
        writeln!(self.out, "{}", json!({ "step": step, "ok": ok, "ms": ms, "detail": detail }))?;
        self.out.flush()
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn sentence(facts: &Facts) -> String {
    let words = |fact: &Fact| fact.words.as_deref().map_or_else(|| plain(&fact.value), printable);
    let told = facts.0.iter().filter(|fact| !fact.quiet);
    let parts: Vec<String> = told.map(|fact| format!("{} {}", fact.name, words(fact))).collect();
    parts.join("; ")
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => printable(text),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// What a server said may hold line breaks and terminal escapes: one line, nothing that moves a cursor.
pub(crate) fn printable(text: &str) -> String {
    // Marks of writing direction are no control characters, and reorder the line all the same.
    let moves = |c: char| {
        c.is_control() || matches!(c, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if moves(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(json: bool) -> String {
        let mut out = Vec::new();
        let mut report = Report::new(&mut out, json);
        let facts = Facts::new()
            .with("version", "TLS 1.3")
            .with("names", vec!["a", "b"])
            .with_some("none", None::<u8>)
            .with_quiet("trail", vec!["x"]);
        let facts = facts.with_words("folders", json!([{ "name": "Inbox" }]), "Inbox\u{202E}\u{7}".to_owned());
        report.note("within\u{7}").unwrap();
        report.pass("tls", Instant::now(), &facts).unwrap();
        assert!(!report.failed());
        let failure = Failure::new("code 0", "code 10: \x1b[31mno\nsuch", "connect again").with_facts(facts);
        report.fail("connect", Instant::now(), &failure).unwrap();
        assert!(report.failed());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_for_people() {
        let text = run(false);
        assert!(text.contains("version TLS 1.3; names a, b; folders Inbox  \n"), "{text}");
        assert!(text.contains("came: code 10:  [31mno such\n"), "{text}");
        assert!(text.starts_with("      within \n") && !text.contains("trail"), "{text}");
        assert_eq!(text.lines().count(), 6);
    }

    #[test]
    fn an_object_a_line() {
        let text = run(true);
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert!(text.starts_with(r#"{"step":"tls","ok":true,"ms":"#), "{text}");
        assert_eq!(lines[0]["detail"]["names"], json!(["a", "b"]));
        assert_eq!(lines[0]["detail"]["trail"], json!(["x"]));
        assert_eq!(lines[0]["detail"]["folders"][0]["name"], json!("Inbox"));
        assert_eq!(lines[1]["ok"], json!(false));
        assert_eq!(lines[1]["detail"]["advice"], json!("connect again"));
    }
}
