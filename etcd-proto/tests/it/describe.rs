//! Writes the messages of a descriptor set as the static data that `src/schema.rs` gives the types of.

use std::fmt::Write as _;

use tonic_prost_build::FileDescriptorSet;

/// Type numbers of `google.protobuf.FieldDescriptorProto`.
mod types {
    pub const INT64: i32 = 3;
    pub const UINT64: i32 = 4;
    pub const BOOL: i32 = 8;
    pub const STRING: i32 = 9;
    pub const MESSAGE: i32 = 11;
    pub const BYTES: i32 = 12;
    pub const UINT32: i32 = 13;
    pub const ENUM: i32 = 14;
}

const REPEATED: i32 = 3;

pub struct Describe<'a> {
    set: &'a FileDescriptorSet,
    out: String,
}

impl<'a> Describe<'a> {
    pub fn new(set: &'a FileDescriptorSet) -> Self {
        let out = "// This file is made by the test of this crate.\nuse crate::schema::{Enum, Field, Kind, Message, Method};\n";
        Self { set, out: out.to_owned() }
    }

    pub fn file(mut self) -> String {
        for file in &self.set.file {
            let package = file.package.as_deref().unwrap();
            for message in &file.message_type {
                let name = format!("{package}.{}", message.name());
                for inner in &message.enum_type {
                    let values = inner.value.iter().map(|value| (value.name(), value.number())).collect();
                    enumeration(&mut self.out, &format!("{name}.{}", inner.name()), &values);
                }
                assert!(message.nested_type.is_empty(), "{name}: nested messages are not written");
                writeln!(
                    self.out,
                    "pub static {}: Message = Message {{\n    name: {name:?},\n    fields: &[",
                    path(&name)
                )
                .unwrap();
                for field in &message.field {
                    let kind = match field.r#type.unwrap() {
                        types::BOOL => "Bool".to_owned(),
                        types::INT64 => "Int64".to_owned(),
                        types::UINT32 => "Uint32".to_owned(),
                        types::UINT64 => "Uint64".to_owned(),
                        types::STRING => "String".to_owned(),
                        types::BYTES => "Bytes".to_owned(),
                        types::ENUM => format!("Enum(&{})", path(field.type_name())),
                        types::MESSAGE => format!("Message(&{})", path(field.type_name())),
                        other => panic!("{name}.{}: type {other}", field.name()),
                    };
                    let (name, json_name, number) = (field.name(), field.json_name(), field.number());
                    let repeated = field.label.unwrap() == REPEATED;
                    writeln!(
                        self.out,
                        "        Field {{ name: {name:?}, json_name: {json_name:?}, number: {number}, kind: Kind::{kind}, repeated: {repeated} }},"
                    )
                    .unwrap();
                }
                self.out.push_str("    ],\n};\n");
            }
            for outer in &file.enum_type {
                let values = outer.value.iter().map(|value| (value.name(), value.number())).collect();
                enumeration(&mut self.out, &format!("{package}.{}", outer.name()), &values);
            }
        }
        self.methods();
        self.out
    }

    fn methods(&mut self) {
        self.out.push_str("pub static METHODS: &[Method] = &[\n");
        for file in &self.set.file {
            for service in &file.service {
                for method in &service.method {
                    let call = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    let (request, response) = (path(method.input_type()), path(method.output_type()));
                    let (client, server) = (method.client_streaming(), method.server_streaming());
                    writeln!(
                        self.out,
                        "    Method {{ path: {call:?}, request: &{request}, response: &{response}, client_streams: {client}, server_streams: {server} }},"
                    )
                    .unwrap();
                }
            }
        }
        self.out.push_str("];\n");
    }
}

fn enumeration(out: &mut String, name: &str, values: &Vec<(&str, i32)>) {
    writeln!(out, "pub static {}: Enum = Enum {{ name: {name:?}, values: &{values:?} }};", path(name)).unwrap();
}

/// `.etcdserverpb.RangeRequest.SortOrder` → `RANGE_REQUEST_SORT_ORDER`, with the package in front where it is not etcd's own.
fn path(name: &str) -> String {
    let name = name.trim_start_matches('.');
    let name = name.strip_prefix("etcdserverpb.").or_else(|| name.strip_prefix("mvccpb.")).unwrap_or(name);
    let mut out = String::new();
    let letters: Vec<char> = name.chars().collect();
    for (index, letter) in letters.iter().enumerate() {
        let starts = letter.is_uppercase()
            && index > 0
            && (letters[index - 1].is_lowercase()
                || (letters[index - 1].is_uppercase()
                    && letters.get(index + 1).is_some_and(|next| next.is_lowercase())));
        if starts {
            out.push('_');
        }
        out.push(if *letter == '.' { '_' } else { letter.to_ascii_uppercase() });
    }
    out
}
