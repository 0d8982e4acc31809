//! `tpl_sql_schema`: what a database holds.

use reflow_pack_sdk::prelude::*;
use rusqlite::{Connection, Row};

use crate::database::{Database, failure};

/// Tables, views and columns of a SQLite database.
///
/// For every packet: `tables`, a list of `name`, `kind` (`table` or `view`), `sql` and `columns`; each of those with `name`, `type`,
/// `not_null`, `default` (an SQL text or null) and `primary_key` (its place in the key, or 0).
#[derive(Component)]
#[component(id = "tpl_sql_schema", title = "SQL schema", category = "sql", blocking)]
#[inport(trigger: Any, "Anything.")]
#[outport(schema: JsonObject, "`tables`, by name.")]
pub(crate) struct Schema {
    #[config(group)]
    database: Database,
    #[state]
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
        tick.write(Self::OUT_SCHEMA, Value::object([("tables", tables)]));
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
