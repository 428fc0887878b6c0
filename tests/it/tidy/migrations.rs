//! Migrations are numbered without holes, and every database has the same ones.

use super::{names, none, root};

#[test]
fn migrations_are_numbered_without_holes() {
    let folder = root().join("migrations");
    let mut wrong = Vec::new();
    let databases: Vec<String> = names(&folder).into_iter().filter(|name| folder.join(name).is_dir()).collect();
    let first = names(&folder.join(databases.first().expect("there is a database")));
    for database in &databases {
        let files = names(&folder.join(database));
        for (index, file) in files.iter().enumerate() {
            let number = format!("{:04}_", index + 1);
            let shape = file.strip_prefix(&number).and_then(|rest| rest.strip_suffix(".sql"));
            if !shape.is_some_and(|name| name.contains('_') && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
            {
                wrong.push(format!("{database}/{file}: {number}verb_noun.sql is expected"));
            }
        }
        if files != first {
            wrong.push(format!("{database} has {files:?}, {} has {first:?}", databases[0]));
        }
    }
    none(&wrong, "migrations");
}
