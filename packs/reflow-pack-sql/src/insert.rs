//! `tpl_sql_insert`: many rows in one transaction.

use reflow_pack_sdk::{Actor, Component, Failure, Instance, Message, Tick, Value};
use rusqlite::Connection;

use crate::convert;
use crate::database::{Database, failure, text};
use crate::template::Template;

pub(crate) fn template() -> Box<dyn Component> {
    Box::new(Template {
        id: "tpl_sql_insert",
        title: "SQL bulk insert",
        summary: "Inserts a list of rows into a SQLite table, all or none.",
        text: "Every packet is one row (an object by column) or a list of rows; its rows go into `table` in one transaction. \
               The columns are those of `columns`, or of the first row; a row without one of them gives NULL. `on_conflict` \
               says what happens to a row that breaks a constraint: `abort` undoes the whole packet, `ignore` leaves the row \
               out, `replace` puts it in the place of the old one.",
        inport: ("rows", "A row, or a list of rows."),
        outports: &[("result", "object", "`inserted`: rows that the table has gained or changed.")],
        properties: r#"{
            "table": {"type": "string", "minLength": 1},
            "columns": {"type": "array", "items": {"type": "string"}, "minItems": 1},
            "on_conflict": {"enum": ["abort", "ignore", "replace"], "default": "abort"},
            "setup": {"type": "string", "description": "Statements that run once at the start."}
        }"#,
        required: &["table"],
        make: |config| {
            let columns = config.get("columns").and_then(Value::as_array).unwrap_or_default();
            Ok(Instance::new_blocking(Insert {
                database: Database::of(config)?,
                table: text(config, "table")?.ok_or("`table` is missing")?,
                columns: columns.iter().filter_map(Value::as_str).map(Into::into).collect(),
                on_conflict: text(config, "on_conflict")?.unwrap_or_else(|| "abort".into()),
                setup: text(config, "setup")?.unwrap_or_default(),
                connection: None,
            }))
        },
    })
}

struct Insert {
    database: Database,
    table: String,
    columns: Vec<String>,
    on_conflict: String,
    setup: String,
    connection: Option<Connection>,
}

impl Actor for Insert {
    fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let connection = self.database.open(tick.node())?;
        connection.execute_batch(&self.setup).map_err(|error| failure(&error))?;
        self.connection = Some(connection);
        Ok(())
    }

    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let packet = tick.input(0).and_then(Message::as_value).ok_or("expected a row or a list of rows")?;
        let rows = packet.as_array().unwrap_or(std::slice::from_ref(&packet));
        let connection = self.connection.as_mut().ok_or("the database is not open")?;
        let before = connection.total_changes();
        let first = rows.first().and_then(Value::as_object);
        let columns = match (&self.columns[..], first) {
            ([], Some(row)) => row.keys().map(ToString::to_string).collect(),
            (columns, _) => columns.to_vec(),
        };
        if !rows.is_empty() {
            let sql = statement(&self.table, &columns, &self.on_conflict);
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
        tick.emit(0, Message::object(Value::object([("inserted", inserted)])));
        Ok(())
    }
}

fn statement(table: &str, columns: &[String], on_conflict: &str) -> String {
    let names: Vec<_> = columns.iter().map(|column| quoted(column)).collect();
    let marks = vec!["?"; columns.len()].join(", ");
    format!("INSERT OR {} INTO {} ({}) VALUES ({marks})", on_conflict.to_uppercase(), quoted(table), names.join(", "))
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
        let sql = statement("a\"; DROP TABLE b; --", &["x".into(), "y z".into()], "ignore");
        assert_eq!(sql, "INSERT OR IGNORE INTO \"a\"\"; DROP TABLE b; --\" (\"x\", \"y z\") VALUES (?, ?)");
    }
}
