//! A capture as bytes: binary as it is, or hexadecimal text in the forms that tools write.

/// The bytes of a file.
///
/// # Errors
/// Hexadecimal text with an odd number of digits.
pub(super) fn bytes_of(file: Vec<u8>) -> Result<Vec<u8>, String> {
    let Some(text) = std::str::from_utf8(&file).ok().filter(|text| !text.trim().is_empty()) else { return Ok(file) };
    let mut digits = Vec::new();
    for line in text.lines() {
        match digits_of(line) {
            Some(more) => digits.extend(more),
            None => return Ok(file),
        }
    }
    if digits.is_empty() {
        return Ok(file);
    }
    let (pairs, odd) = digits.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(format!("hexadecimal text with an odd number of digits: {}", digits.len()));
    }
    Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

/// The digits of one line; `None` when it is no hexadecimal text. Behind `#` or `;` stands a comment; `xxd`, `hexdump -C` and Wireshark
/// write an offset in front and the characters behind.
fn digits_of(line: &str) -> Option<Vec<u8>> {
    let line = line.split(['#', ';']).next().unwrap_or_default().trim();
    let (front, rest) = line.split_at(line.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(line.len()));
    let line = match (front.len(), rest) {
        (4.., rest) if rest.starts_with(": ") => rest.get(1..)?.trim_start().split("  ").next()?,
        (4.., rest) if rest.starts_with("  ") => {
            let rest = rest.trim_start().split('|').next()?;
            // Three spaces come before the characters, two between the two groups of eight.
            rest.split("   ").next()?
        }
        _ => line,
    };
    let mut digits = Vec::new();
    let plain = line.replace("0x", "").replace("\\x", "");
    for c in plain.chars() {
        match c.to_digit(16) {
            Some(digit) => digits.push(u8::try_from(digit).ok()?),
            None if matches!(c, ' ' | '\t' | ',' | ':' | '-') => {}
            None => return None,
        }
    }
    Some(digits)
}
