//! `tpl_sql_insert`: many rows in one transaction.

use reflow_pack_sdk::prelude::*;
use rusqlite::Connection;

use crate::convert;
use crate::database::{Database, failure};

/// Inserts a list of rows into a SQLite table, all or none.
///
/// Every packet is one row (an object by column) or a list of rows; its rows go into `table` in one transaction. The columns are
/// those of `columns`, or of the first row; a row without one of them gives NULL.
#[derive(Component)]
#[component(id = "tpl_sql_insert", title = "SQL bulk insert", category = "sql", blocking)]
#[inport(rows: Either<List, JsonObject>, "A row, or a list of rows.")]
#[outport(result: JsonObject, "`inserted`: rows that the table has gained or changed.")]
pub(crate) struct Insert {
    #[config(group)]
    database: Database,
    /// The table.
    #[config(required)]
    table: String,
    /// The columns, in order; those of the first row when there are none.
    #[config]
    columns: Vec<String>,
    /// What happens to a row that breaks a constraint.
    #[config(default = OnConflict::Abort)]
    on_conflict: OnConflict,
    /// Statements that run once at the start.
    #[config]
    setup: String,
    #[state]
    connection: Option<Connection>,
}

/// What happens to a row that breaks a constraint.
#[derive(Clone, Copy, Choice)]
enum OnConflict {
    /// The whole packet is undone.
    Abort,
    /// The row is left out.
    Ignore,
    /// The row takes the place of the old one.
    Replace,
}

impl Actor for Insert {
    fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let connection = self.database.open(tick.node())?;
        connection.execute_batch(&self.setup).map_err(|error| failure(&error))?;
        self.connection = Some(connection);
        Ok(())
    }

    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let packet = tick.input(Self::IN_ROWS).and_then(Message::as_value).ok_or("expected a row or a list of rows")?;
        let rows = packet.as_array().unwrap_or(std::slice::from_ref(&packet));
        let connection = self.connection.as_mut().ok_or("the database is not open")?;
        let before = connection.total_changes();
        let first = rows.first().and_then(Value::as_object);
        let columns = match (&self.columns[..], first) {
            ([], Some(row)) => row.keys().map(ToString::to_string).collect(),
            (columns, _) => columns.to_vec(),
        };
        if !rows.is_empty() {
            let sql = statement(&self.table, &columns, self.on_conflict);
            let transaction = connection.transaction().map_err(|error| failure(&error))?;
            {
                let mut statement = transaction.prepare_cached(&sql).map_err(|error| failure(&error))?;
                for (at, row) in rows.iter().enumerate() {
                    let told =
                        |problem: Failure| Failure { message: format!("row {at}: {}", problem.message), ..problem };
                    let row =
                        row.as_object().ok_or_else(|| Failure::new(format!("row {at} is no object by column")))?;
                    for (index, column) in columns.iter().enumerate() {
                        let value =
                            convert::parameter(row.get(column.as_str()).unwrap_or(&Value::Null)).map_err(told)?;
                        statement.raw_bind_parameter(index + 1, value).map_err(|error| told(failure(&error)))?;
                    }
                    statement.raw_execute().map_err(|error| told(failure(&error)))?;
                }
            }
            transaction.commit().map_err(|error| failure(&error))?;
        }
        let inserted = connection.total_changes() - before;
        tick.write(Self::OUT_RESULT, Value::object([("inserted", inserted)]));
        Ok(())
    }
}

fn statement(table: &str, columns: &[String], on_conflict: OnConflict) -> String {
    let names: Vec<_> = columns.iter().map(|column| quoted(column)).collect();
    let marks = vec!["?"; columns.len()].join(", ");
    let otherwise = match on_conflict {
        OnConflict::Abort => "ABORT",
        OnConflict::Ignore => "IGNORE",
        OnConflict::Replace => "REPLACE",
    };
    format!("INSERT OR {otherwise} INTO {} ({}) VALUES ({marks})", quoted(table), names.join(", "))
}

/// A name as an SQL identifier, whatever it holds.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_leave_their_quotes() {
        let sql = statement("a\"; DROP TABLE b; --", &["x".into(), "y z".into()], OnConflict::Ignore);
        assert_eq!(sql, "INSERT OR IGNORE INTO \"a\"\"; DROP TABLE b; --\" (\"x\", \"y z\") VALUES (?, ?)");
    }
}
