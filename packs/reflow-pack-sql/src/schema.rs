//! `tpl_sql_schema`: what a database holds.

use reflow_pack_sdk::{Actor, Component, Failure, Instance, Message, Tick, Value};
use rusqlite::{Connection, Row};

use crate::database::{Database, failure};
use crate::template::Template;

pub(crate) fn template() -> Box<dyn Component> {
    Box::new(Template {
        id: "tpl_sql_schema",
        title: "SQL schema",
        summary: "Tables, views and columns of a SQLite database.",
        text: "For every packet: `tables`, a list of `name`, `kind` (`table` or `view`), `sql` and `columns`; each of those \
               with `name`, `type`, `not_null`, `default` (an SQL text or null) and `primary_key` (its place in the key, or 0).",
        inport: ("trigger", "Anything."),
        outports: &[("schema", "object", "`tables`, by name.")],
        properties: "{}",
        required: &[],
        make: |config| Ok(Instance::new_blocking(Schema { database: Database::of(config)?, connection: None })),
    })
}

struct Schema {
    database: Database,
    connection: Option<Connection>,
}

impl Actor for Schema {
    fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.connection = Some(self.database.open(tick.node())?);
        Ok(())
    }

    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let connection = self.connection.as_ref().ok_or("the database is not open")?;
        let tables = tables(connection).map_err(|error| failure(&error))?;
        tick.emit(0, Message::object(Value::object([("tables", tables)])));
        Ok(())
    }
}

const TABLES: &str = "SELECT name, type, sql FROM sqlite_schema WHERE type IN ('table', 'view') \
                      AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
const COLUMNS: &str = "SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info(?) ORDER BY cid";

fn tables(connection: &Connection) -> rusqlite::Result<Value> {
    let mut columns = connection.prepare_cached(COLUMNS)?;
    let mut tables = connection.prepare_cached(TABLES)?;
    let mut rows = tables.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let columns = columns.query_map([&name], column)?.collect::<rusqlite::Result<Vec<_>>>()?;
        found.push(Value::object([
            ("name", Value::from(name)),
            ("kind", row.get::<_, String>(1)?.into()),
            ("sql", row.get::<_, Option<String>>(2)?.into()),
            ("columns", columns.into()),
        ]));
    }
    Ok(found.into())
}

fn column(row: &Row<'_>) -> rusqlite::Result<Value> {
    Ok(Value::object([
        ("name", Value::from(row.get::<_, String>(0)?)),
        ("type", row.get::<_, String>(1)?.into()),
        ("not_null", row.get::<_, bool>(2)?.into()),
        ("default", row.get::<_, Option<String>>(3)?.into()),
        ("primary_key", row.get::<_, i64>(4)?.into()),
    ]))
}
