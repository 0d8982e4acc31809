//! `tpl_sql_execute`: a statement that changes something.

use reflow_pack_sdk::prelude::*;
use rusqlite::Connection;

use crate::convert;
use crate::database::{Database, failure};

/// Runs a SQLite statement, with parameters from each packet.
///
/// Runs `sql` for every packet, with the packet as parameters as in `tpl_sql_query`.
#[derive(Component)]
#[component(id = "tpl_sql_execute", title = "SQL execute", category = "sql", blocking)]
#[inport(parameters: Any, "The parameters, or a Flow.")]
#[outport(result: JsonObject, "`changes` and `last_insert_rowid`.")]
pub(crate) struct Execute {
    #[config(group)]
    database: Database,
    /// One statement.
    #[config(required)]
    sql: String,
    /// What a Flow runs it with.
    #[config]
    parameters: Value,
    /// Statements, separated by semicolons, that run once at the start: `CREATE TABLE IF NOT EXISTS …`.
    #[config]
    setup: String,
    #[state]
    connection: Option<Connection>,
}

impl Actor for Execute {
    fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let connection = self.database.open(tick.node())?;
        connection.execute_batch(&self.setup).map_err(|error| failure(&error))?;
        self.connection = Some(connection);
        Ok(())
    }

    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let connection = self.connection.as_ref().ok_or("the database is not open")?;
        let parameters = convert::parameters(tick.input(Self::IN_PARAMETERS), &self.parameters)?;
        let result = execute(connection, &self.sql, &parameters)?;
        tick.write(Self::OUT_RESULT, result);
        Ok(())
    }
}

/// Runs one statement to its end; what came of it.
pub(crate) fn execute(connection: &Connection, sql: &str, parameters: &Value) -> Result<Value, Failure> {
    let before = connection.total_changes();
    {
        let mut statement = connection.prepare_cached(sql).map_err(|error| failure(&error))?;
        convert::bind(&mut statement, parameters)?;
        let mut rows = statement.raw_query();
        while rows.next().map_err(|error| failure(&error))?.is_some() {}
    }
    Ok(Value::object([
        ("changes", Value::from(connection.total_changes() - before)),
        ("last_insert_rowid", connection.last_insert_rowid().into()),
    ]))
}
