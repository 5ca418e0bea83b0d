//! Objects that stand in no schema, such as roles and extensions: few enough to be read as a whole.

use crate::model::{Reason, Unknown};
use crate::probe::postgres::{Fields, Param, Reading, Session};

/// The most objects of one class.
const OBJECTS_MAX: usize = 100_000;

/// A class of objects that stand in no schema.
pub trait Whole: Send + Sized {
    /// What several of them are called, such as `roles`.
    const CLASS: &'static str;

    /// The question for a server of this version (such as 160013). All columns are text. In a stable order.
    fn sql(version: u32) -> String;

    /// Reads one row.
    ///
    /// # Errors
    /// When it has another form.
    fn read(row: &Fields<'_>) -> Result<Self, Unknown>;
}

/// Reads all objects of a class.
///
/// # Errors
/// Why they could not be read, all of them.
pub async fn all<T: Whole>(session: &Session) -> Result<Vec<T>, Unknown> {
    let sql = T::sql(session.identity().version_number);
    rows(session, T::CLASS, sql, Vec::new(), T::read).await
}

/// The rows of one question, as many as there may be objects.
pub(super) async fn rows<T: Send>(
    session: &Session,
    what: &str,
    sql: String,
    params: Vec<Param<'_>>,
    read: fn(&Fields<'_>) -> Result<T, Unknown>,
) -> Result<Vec<T>, Unknown> {
    let mut found = Vec::new();
    let reading = Reading::new(sql, params, |row| {
        if found.len() == OBJECTS_MAX {
            let detail = format!("there are more than {OBJECTS_MAX} {what}");
            return Err(Unknown::new(Reason::TooLarge, detail));
        }
        found.push(read(row)?);
        Ok(())
    });
    session.read(vec![reading]).await.into_iter().collect::<Result<(), Unknown>>()?;
    Ok(found)
}
