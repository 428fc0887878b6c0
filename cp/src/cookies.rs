//! The cookies of a request.

use http::HeaderMap;
use http::header::COOKIE;

/// The value of the first cookie of that name.
pub fn get<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).into_iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(key, value)| (key == name).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_that_name() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "a=1; b=2=3;c".parse().unwrap());
        headers.append(COOKIE, "a=4; d=5".parse().unwrap());
        let found: Vec<_> = ["a", "b", "c", "d", "e"].map(|name| get(&headers, name)).into();
        assert_eq!(found, [Some("1"), Some("2=3"), None, Some("5"), None]);
    }
}
