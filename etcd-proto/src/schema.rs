//! What the generated messages look like: names, numbers and types of their fields, for those who speak another encoding of the
//! same messages (the JSON gateway).

/// A message.
#[derive(Debug)]
pub struct Message {
    /// Full name, such as `etcdserverpb.RangeRequest`.
    pub name: &'static str,
    /// Its fields, as declared (which in these files is by number).
    pub fields: &'static [Field],
}

/// A field of a message. Members of a `oneof` are fields like any other, as they are on the wire.
#[derive(Debug)]
pub struct Field {
    /// The name in the protobuf file: `range_end`.
    pub name: &'static str,
    /// The name in canonical JSON: `rangeEnd`.
    pub json_name: &'static str,
    /// The number on the wire.
    pub number: u32,
    /// The type of a value.
    pub kind: Kind,
    /// Whether there may be many values.
    pub repeated: bool,
}

/// The type of a field's value.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// `bool`.
    Bool,
    /// `int64`.
    Int64,
    /// `uint32`.
    Uint32,
    /// `uint64`.
    Uint64,
    /// `string`.
    String,
    /// `bytes`.
    Bytes,
    /// An enumeration.
    Enum(&'static Enum),
    /// A message.
    Message(&'static Message),
}

/// An enumeration.
#[derive(Debug)]
pub struct Enum {
    /// Full name, such as `etcdserverpb.Compare.CompareTarget`.
    pub name: &'static str,
    /// Names and numbers.
    pub values: &'static [(&'static str, i32)],
}

/// A method of a service.
#[derive(Debug)]
pub struct Method {
    /// Path of a call, such as `/etcdserverpb.KV/Range`.
    pub path: &'static str,
    /// The request.
    pub request: &'static Message,
    /// The answer.
    pub response: &'static Message,
    /// Whether the client sends many requests.
    pub client_streams: bool,
    /// Whether the server sends many answers.
    pub server_streams: bool,
}

// === impl Message ===

impl Message {
    /// The field with this number.
    pub fn field(&self, number: u32) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.number == number)
    }
}

// === impl Enum ===

impl Enum {
    /// The number of a name.
    pub fn number(&self, name: &str) -> Option<i32> {
        self.values.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
    }

    /// The name of a number.
    pub fn value_name(&self, number: i32) -> Option<&'static str> {
        self.values.iter().find(|(_, known)| *known == number).map(|(name, _)| *name)
    }
}
