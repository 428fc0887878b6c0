//! Texts in messages.

/// The text in double quotes as the message form `%q` writes it: quotes, backslashes and control characters escaped.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' | '\\' | '\n' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_ascii_control() => {
                // A digit that follows would be read as part of the number.
                let digit_follows = chars.peek().is_some_and(char::is_ascii_digit);
                let code = u32::from(c);
                out.push_str(&if digit_follows { format!("\\{code:03}") } else { format!("\\{code}") });
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn escapes() {
        for (text, expected) in [
            ("a.b", r#""a.b""#),
            (r"^\*$", r#""^\\*$""#),
            ("a\"b", r#""a\"b""#),
            ("a\nb", "\"a\\\nb\""),
            ("\t", r#""\9""#),
            ("\t1", r#""\0091""#),
            ("\0x\x7f", r#""\0x\127""#),
            ("é", "\"é\""),
        ] {
            assert_eq!(quoted(text), expected);
        }
    }
}
