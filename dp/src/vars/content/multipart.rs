//! The fields of a `multipart/form-data` body.

/// Name and text of each field.
pub(super) fn fields(content_type: &str, body: &[u8]) -> Option<Vec<(String, String)>> {
    let boundary = parameter(content_type, "boundary")?;
    let delimiter = format!("--{boundary}");
    let text = String::from_utf8_lossy(body);
    let mut parts = text.split(&*delimiter);
    // What stands before the first part says nothing.
    parts.next()?;
    let fields = parts.take_while(|part| !part.starts_with("--")).filter_map(|part| {
        let (head, value) = part.split_once("\r\n\r\n")?;
        let is_disposition =
            |line: &&str| line.get(..20).is_some_and(|start| start.eq_ignore_ascii_case("content-disposition:"));
        let name = parameter(head.split("\r\n").find(is_disposition)?, "name")?;
        Some((name.to_owned(), value.strip_suffix("\r\n").unwrap_or(value).to_owned()))
    });
    Some(fields.collect())
}

/// `name=value` or `name="value"` among what semicolons separate.
fn parameter<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.split(';').skip(1).find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        let plain = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        key.eq_ignore_ascii_case(name).then_some(plain)
    })
}
