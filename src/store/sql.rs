//! The one place where the two engines are told apart: an open transaction on either, and macros that run one SQL text (or two side by side) on it.

use serde_json::Value;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::{Database, Decode, Encode, Postgres, SqlSafeStr, Sqlite, Type};
use uuid::Uuid;

use crate::base::ids::{AgentId, DeliveryId, EffectId, EntryId, IntentId, ProjectId, RunId, SubjectId, TokenId};
use crate::base::{Nano, Time};

/// An open transaction on either engine. Dropped without a commit, it rolls back.
pub(super) enum Tx {
    Pg(sqlx::Transaction<'static, Postgres>),
    Lite(sqlx::Transaction<'static, Sqlite>),
}

impl Tx {
    pub(super) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Tx::Pg(tx) => tx.commit().await,
            Tx::Lite(tx) => tx.commit().await,
        }
    }

    pub(super) async fn rollback(self) -> Result<(), sqlx::Error> {
        match self {
            Tx::Pg(tx) => tx.rollback().await,
            Tx::Lite(tx) => tx.rollback().await,
        }
    }
}

/// Begins a transaction, to the end even when nobody waits for it any more. The driver gives a connection whose `BEGIN` was sent but
/// not answered back to the pool as it is, and the next user would find itself within somebody else's transaction.
pub(super) async fn begin_whole(
    pool: &sqlx::PgPool,
    statement: impl SqlSafeStr + Send + 'static,
) -> Result<sqlx::Transaction<'static, Postgres>, sqlx::Error> {
    let (pool, (sender, receiver)) = (pool.clone(), tokio::sync::oneshot::channel());
    #[expect(clippy::disallowed_methods, reason = "ends with the answer to BEGIN, or when no connection comes free in time")]
    let begun = tokio::spawn(async move {
        // Unwanted, it is dropped here, which rolls it back.
        let _ = sender.send(pool.begin_with(statement).await);
    });
    let answer = receiver.await;
    drop(begun);
    answer.unwrap_or(Err(sqlx::Error::WorkerCrashed))
}

/// Runs a statement and gives the number of rows it touched. One text, or `pg:` and `lite:` where the dialects differ.
macro_rules! exec {
    ($tx:expr, pg: $pg:expr, lite: $lite:expr $(, $bind:expr)* $(,)?) => {
        match $tx {
            $crate::store::sql::Tx::Pg(tx) => sqlx::query($pg)$(.bind($bind))*.execute(&mut **tx).await.map(|done| done.rows_affected()),
            $crate::store::sql::Tx::Lite(tx) => sqlx::query($lite)$(.bind($bind))*.execute(&mut **tx).await.map(|done| done.rows_affected()),
        }
    };
    ($tx:expr, $sql:expr $(, $bind:expr)* $(,)?) => { exec!($tx, pg: $sql, lite: $sql $(, $bind)*) };
}

/// The first row of the wanted type, if any.
macro_rules! first {
    ($tx:expr, $row:ty, pg: $pg:expr, lite: $lite:expr $(, $bind:expr)* $(,)?) => {
        match $tx {
            $crate::store::sql::Tx::Pg(tx) => sqlx::query_as::<_, $row>($pg)$(.bind($bind))*.fetch_optional(&mut **tx).await,
            $crate::store::sql::Tx::Lite(tx) => sqlx::query_as::<_, $row>($lite)$(.bind($bind))*.fetch_optional(&mut **tx).await,
        }
    };
    ($tx:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => { first!($tx, $row, pg: $sql, lite: $sql $(, $bind)*) };
}

/// All rows of the wanted type.
macro_rules! all {
    ($tx:expr, $row:ty, pg: $pg:expr, lite: $lite:expr $(, $bind:expr)* $(,)?) => {
        match $tx {
            $crate::store::sql::Tx::Pg(tx) => sqlx::query_as::<_, $row>($pg)$(.bind($bind))*.fetch_all(&mut **tx).await,
            $crate::store::sql::Tx::Lite(tx) => sqlx::query_as::<_, $row>($lite)$(.bind($bind))*.fetch_all(&mut **tx).await,
        }
    };
    ($tx:expr, $row:ty, $sql:expr $(, $bind:expr)* $(,)?) => { all!($tx, $row, pg: $sql, lite: $sql $(, $bind)*) };
}

pub(super) use {all, exec, first};

/// A column type that is stored as the value it wraps.
macro_rules! wrapped_column {
    ($inner:ty: $($name:ident),*) => {$(
        impl<DB: Database> Type<DB> for $name
        where
            $inner: Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <$inner as Type<DB>>::type_info()
            }
            fn compatible(ty: &DB::TypeInfo) -> bool {
                <$inner as Type<DB>>::compatible(ty)
            }
        }
        impl<'q, DB: Database> Encode<'q, DB> for $name
        where
            $inner: Encode<'q, DB>,
        {
            fn encode_by_ref(&self, buffer: &mut <DB as Database>::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
                self.0.encode_by_ref(buffer)
            }
        }
        impl<'r, DB: Database> Decode<'r, DB> for $name
        where
            $inner: Decode<'r, DB>,
        {
            fn decode(value: <DB as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
                <$inner as Decode<'r, DB>>::decode(value).map(Self)
            }
        }
    )*};
}

wrapped_column!(Uuid: ProjectId, SubjectId, RunId, EffectId, DeliveryId, AgentId, IntentId, EntryId, TokenId);
wrapped_column!(i64: Time, Nano);

/// An enum stored as a word. The words are part of the schema: a check constraint lists them.
macro_rules! word_column {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant),* }

        impl $name {
            /// The word this is stored as.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(word: &str) -> Result<Self, String> {
                match word {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(format!("`{word}` is not one of: {}", [$($word),*].join(", "))),
                }
            }
        }
        impl<DB: sqlx::Database> sqlx::Type<DB> for $name
        where
            String: sqlx::Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <String as sqlx::Type<DB>>::type_info()
            }
            fn compatible(ty: &DB::TypeInfo) -> bool {
                <String as sqlx::Type<DB>>::compatible(ty)
            }
        }
        impl<'q, DB: sqlx::Database> sqlx::Encode<'q, DB> for $name
        where
            String: sqlx::Encode<'q, DB>,
        {
            fn encode_by_ref(
                &self,
                buffer: &mut <DB as sqlx::Database>::ArgumentBuffer,
            ) -> Result<sqlx::encode::IsNull, sqlx::error::BoxDynError> {
                self.as_str().to_owned().encode(buffer)
            }
        }
        impl<'r, DB: sqlx::Database> sqlx::Decode<'r, DB> for $name
        where
            String: sqlx::Decode<'r, DB>,
        {
            fn decode(value: <DB as sqlx::Database>::ValueRef<'r>) -> Result<Self, sqlx::error::BoxDynError> {
                Ok(<String as sqlx::Decode<'r, DB>>::decode(value)?.parse::<Self>()?)
            }
        }
    };
}

pub(super) use word_column;

/// A JSON column. It is text on both engines: PostgreSQL's jsonb would reorder keys and refuse an escaped NUL.
pub(super) struct JsonText(Value);
/// A JSON column that may be null.
pub(super) struct MaybeJson(Option<Value>);

impl From<JsonText> for Value {
    fn from(json: JsonText) -> Value {
        json.0
    }
}

impl From<MaybeJson> for Option<Value> {
    fn from(json: MaybeJson) -> Option<Value> {
        json.0
    }
}

macro_rules! json_column {
    ($name:ident, $inner:ty, $text:ident => $parse:expr) => {
        impl<DB: Database> Type<DB> for $name
        where
            String: Type<DB>,
        {
            fn type_info() -> DB::TypeInfo {
                <String as Type<DB>>::type_info()
            }
            fn compatible(ty: &DB::TypeInfo) -> bool {
                <String as Type<DB>>::compatible(ty)
            }
        }
        impl<'r, DB: Database> Decode<'r, DB> for $name
        where
            $inner: Decode<'r, DB>,
        {
            fn decode(value: <DB as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
                let $text = <$inner as Decode<'r, DB>>::decode(value)?;
                $parse
            }
        }
    };
}

json_column!(JsonText, String, text => Ok(Self(serde_json::from_str(&text)?)));
json_column!(MaybeJson, Option<String>, text => Ok(Self(text.map(|text| serde_json::from_str(&text)).transpose()?)));

/// The text as PostgreSQL can hold it: NUL becomes the replacement character, on both engines alike.
pub(super) fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// The column form of optional JSON.
pub(super) fn json(value: Option<&Value>) -> Option<String> {
    value.map(Value::to_string)
}
