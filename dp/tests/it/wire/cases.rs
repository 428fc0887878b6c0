//! What is sent, and what is heard. In what is sent LAST is a request that ends the connection; in what is heard, its answer.

pub const LAST: &str = "GET /last HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
pub const LAST_ANSWER: &str =
    "HTTP/1.1 200 OK [connection: close; content-length: 10; date: now; server: Portolan] GET /last ";

/// Name, what is sent, what is heard.
pub const CASES: &[(&str, &str, &str)] = &[
    (
        "one",
        "GET /one HTTP/1.1\r\nhost: h\r\n\r\nLAST",
        "HTTP/1.1 200 OK [content-length: 9; date: now; server: Portolan] GET /one \nLAST",
    ),
    (
        "several at once",
        "GET /1 HTTP/1.1\r\nhost: h\r\n\r\nGET /chunks/2 HTTP/1.1\r\nHost:h\r\n\r\nGET /none HTTP/1.1\r\nhost: h\r\n\r\nLAST",
        "HTTP/1.1 200 OK [content-length: 7; date: now; server: Portolan] GET /1 \nHTTP/1.1 200 OK [date: now; server: Portolan; trailer: x-end; transfer-encoding: chunked] GET /chunks/2 \nHTTP/1.1 204 No Content [date: now; server: Portolan; x-a: 1] \nLAST",
    ),
    (
        "a length",
        "POST /a HTTP/1.1\r\nhost: h\r\nContent-Length:  05 \r\n\r\nhelloLAST",
        "HTTP/1.1 200 OK [content-length: 13; date: now; server: Portolan] POST /a hello\nLAST",
    ),
    (
        "a length of nothing",
        "POST /a HTTP/1.1\r\nhost: h\r\ncontent-length: 0\r\n\r\nLAST",
        "HTTP/1.1 200 OK [content-length: 8; date: now; server: Portolan] POST /a \nLAST",
    ),
    (
        "chunks",
        "POST /a HTTP/1.1\r\nhost: h\r\nTransfer-Encoding: Chunked\r\n\r\n5;a=\"b\"\r\nhello\r\nA\r\n0123456789\r\n000\r\n\r\nLAST",
        "HTTP/1.1 200 OK [content-length: 23; date: now; server: Portolan] POST /a hello0123456789\nLAST",
    ),
    (
        "chunks with trailers",
        "POST /a HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\ntrailer: X-Sum\r\n\r\n1\r\na\r\n0\r\nX-Sum:  7 \r\nx-lost: 1\r\n\r\nLAST",
        "HTTP/1.1 200 OK [content-length: 18; date: now; server: Portolan] POST /a a|x-sum: 7\nLAST",
    ),
    (
        "trailers of the node",
        "GET /chunks HTTP/1.1\r\nhost: h\r\nte: trailers\r\nconnection: te\r\n\r\nLAST",
        "HTTP/1.1 200 OK [date: now; server: Portolan; trailer: x-end; transfer-encoding: chunked] GET /chunks |x-end: 1\nLAST",
    ),
    (
        "trailers that were not asked for",
        "GET /chunks HTTP/1.1\r\nhost: h\r\n\r\nLAST",
        "HTTP/1.1 200 OK [date: now; server: Portolan; trailer: x-end; transfer-encoding: chunked] GET /chunks \nLAST",
    ),
    (
        "HEAD",
        "HEAD /a HTTP/1.1\r\nhost: h\r\n\r\nLAST",
        "HTTP/1.1 200 OK [content-length: 77; date: now; server: Portolan] \nLAST",
    ),
    (
        "HEAD of nothing",
        "HEAD /empty HTTP/1.1\r\nhost: h\r\n\r\nLAST",
        "HTTP/1.1 200 OK [content-length: 0; date: now; server: Portolan] \nLAST",
    ),
    (
        "no content",
        "GET /none HTTP/1.1\r\nhost: h\r\n\r\nLAST",
        "HTTP/1.1 204 No Content [date: now; server: Portolan; x-a: 1] \nLAST",
    ),
    (
        "not modified",
        "GET /same HTTP/1.1\r\nhost: h\r\n\r\nLAST",
        "HTTP/1.1 304 Not Modified [date: now; etag: \"x\"; server: Portolan] \nLAST",
    ),
    (
        "an empty answer",
        "GET /empty HTTP/1.1\r\nhost: h\r\n\r\nLAST",
        "HTTP/1.1 200 OK [content-length: 0; date: now; server: Portolan] \nLAST",
    ),
    (
        "a reason, a date and two lines of the node's",
        "GET /odd HTTP/1.1\r\nhost: h\r\n\r\nLAST",
        "HTTP/1.1 299 Fine [content-length: 0; date: then; server: Portolan; x-a: 1; x-a: 2] \nLAST",
    ),
    (
        "an answer until the node closes",
        "GET /close HTTP/1.1\r\nhost: h\r\n\r\nLAST",
        "HTTP/1.1 200 OK [date: now; server: Portolan; transfer-encoding: chunked] GET /close \nLAST",
    ),
    ("HTTP/1.0", "GET /a HTTP/1.0\r\n\r\n", "HTTP/1.0 200 OK [content-length: 7; date: now; server: Portolan] GET /a "),
    (
        "HTTP/1.0 that stays",
        "GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n",
        "HTTP/1.0 200 OK [connection: keep-alive; content-length: 7; date: now; server: Portolan] GET /a \nHTTP/1.0 200 OK [content-length: 7; date: now; server: Portolan] GET /b ",
    ),
    (
        "HTTP/1.0 and chunks",
        "GET /chunks HTTP/1.0\r\n\r\n",
        "HTTP/1.0 200 OK [date: now; server: Portolan] GET /chunks ",
    ),
    (
        "close among others",
        "GET /a HTTP/1.1\r\nhost: h\r\nconnection: x, Close\r\nx: 1\r\n\r\nGET /b HTTP/1.1\r\nhost: h\r\n\r\n",
        "HTTP/1.1 200 OK [connection: close; content-length: 7; date: now; server: Portolan] GET /a ",
    ),
    (
        "keep-alive and close",
        "GET /a HTTP/1.1\r\nhost: h\r\nconnection: close\r\nconnection: keep-alive\r\n\r\n",
        "HTTP/1.1 200 OK [connection: close; content-length: 7; date: now; server: Portolan] GET /a ",
    ),
    (
        "told to go on",
        "POST /a HTTP/1.1\r\nhost: h\r\nexpect: 100-Continue\r\ncontent-length: 5\r\n\r\nhelloLAST",
        "HTTP/1.1 100 Continue [] \nHTTP/1.1 200 OK [content-length: 13; date: now; server: Portolan] POST /a hello\nLAST",
    ),
    (
        "told to go on with chunks",
        "POST /a HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nLAST",
        "HTTP/1.1 100 Continue [] \nHTTP/1.1 200 OK [content-length: 13; date: now; server: Portolan] POST /a hello\nLAST",
    ),
    (
        "nothing to go on with",
        "GET /a HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\n\r\nLAST",
        "HTTP/1.1 200 OK [content-length: 7; date: now; server: Portolan] GET /a \nLAST",
    ),
    (
        "an expectation of something else",
        "POST /a HTTP/1.1\r\nhost: h\r\nexpect: x\r\ncontent-length: 1\r\n\r\naLAST",
        "HTTP/1.1 200 OK [content-length: 9; date: now; server: Portolan] POST /a a\nLAST",
    ),
    (
        "not told to go on",
        "POST /a HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 2000\r\nconnection: close\r\n\r\n",
        "HTTP/1.1 413 Payload Too Large [connection: close; content-length: 37; content-type: application/json; date: now; server: Portolan] {\"error_msg\":\"413 Payload Too Large\"}",
    ),
    (
        "an upgrade that the route does not allow",
        "GET /a HTTP/1.1\r\nhost: h\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nLAST",
        "HTTP/1.1 200 OK [content-length: 7; date: now; server: Portolan] GET /a \nLAST",
    ),
    (
        "lines before it",
        "\r\n\r\nGET /a HTTP/1.1\r\nhost: h\r\n\r\n\r\nLAST",
        "HTTP/1.1 200 OK [content-length: 7; date: now; server: Portolan] GET /a \nLAST",
    ),
    (
        "an absolute target",
        "GET http://other/a?b HTTP/1.1\r\nhost: h\r\n\r\nLAST",
        "HTTP/1.1 200 OK [content-length: 9; date: now; server: Portolan] GET /a?b \nLAST",
    ),
    (
        "blanks around values",
        "GET /a HTTP/1.1\r\nhost: \t h \t\r\nx-empty:\r\nx-blank: \t\r\n\r\nLAST",
        "HTTP/1.1 200 OK [content-length: 7; date: now; server: Portolan] GET /a \nLAST",
    ),
    (
        "OPTIONS of all",
        "OPTIONS * HTTP/1.1\r\nhost: h\r\n\r\nLAST",
        "HTTP/1.1 200 OK [content-length: 10; date: now; server: Portolan] OPTIONS * \nLAST",
    ),
    (
        "a method of its own",
        "MIX-3 /a HTTP/1.1\r\nhost: h\r\n\r\nLAST",
        "HTTP/1.1 200 OK [content-length: 9; date: now; server: Portolan] MIX-3 /a \nLAST",
    ),
    (
        "CONNECT",
        "CONNECT h:80 HTTP/1.1\r\nhost: h:80\r\n\r\nLAST",
        "HTTP/1.1 405 Method Not Allowed [content-length: 38; content-type: application/json; date: now; server: Portolan] {\"error_msg\":\"405 Method Not Allowed\"}\nLAST",
    ),
    (
        "no host",
        "GET /a HTTP/1.1\r\n\r\n",
        "HTTP/1.1 400 Bad Request [connection: close; content-length: 55; content-type: application/json; date: now; server: Portolan] {\"error_msg\":\"the Host header is missing or not valid\"}",
    ),
    (
        "no method",
        "G(T /a HTTP/1.1\r\nhost: h\r\n\r\n",
        "HTTP/1.1 400 Bad Request [connection: close; content-length: 0; date: now] ",
    ),
    (
        "a bare line feed",
        "GET /a HTTP/1.1\r\nhost: h\nx: 1\r\n\r\n",
        "HTTP/1.1 400 Bad Request [connection: close; content-length: 0; date: now] ",
    ),
    (
        "no request behind a good one",
        "GET /a HTTP/1.1\r\nhost: h\r\n\r\nnothing\r\n\r\n",
        "HTTP/1.1 200 OK [content-length: 7; date: now; server: Portolan] GET /a \nHTTP/1.1 400 Bad Request [connection: close; content-length: 0; date: now] ",
    ),
    (
        "too large a head",
        "GET /a HTTP/1.1\r\nhost: h\r\nx: LARGE\r\n\r\n",
        "HTTP/1.1 431 Request Header Fields Too Large [connection: close; content-length: 0; date: now] ",
    ),
    (
        "too long a target",
        "GET /LARGE HTTP/1.1\r\nhost: h\r\n\r\n",
        "HTTP/1.1 431 Request Header Fields Too Large [connection: close; content-length: 0; date: now] ",
    ),
    (
        "too many headers",
        "GET /a HTTP/1.1\r\nhost: h\r\nMANY\r\n",
        "HTTP/1.1 431 Request Header Fields Too Large [connection: close; content-length: 0; date: now] ",
    ),
    (
        "no chunk",
        "POST /a HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\nz\r\n",
        "HTTP/1.1 400 Bad Request [connection: close; content-length: 31; content-type: application/json; date: now; server: Portolan] {\"error_msg\":\"400 Bad Request\"}",
    ),
    (
        "too large a body",
        "POST /a HTTP/1.1\r\nhost: h\r\ncontent-length: 2000\r\nconnection: close\r\n\r\nBODY",
        "HTTP/1.1 413 Payload Too Large [connection: close; content-length: 37; content-type: application/json; date: now; server: Portolan] {\"error_msg\":\"413 Payload Too Large\"}",
    ),
];
