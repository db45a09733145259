//! What a text must be to be kept, the same on every database.

use serde::{Deserialize, Deserializer};

use crate::error::{ApiError, Errors};

/// Longest line (a name, a title), in characters: `MySQL`'s `varchar(255)`.
const LINE: usize = 255;

/// Longest text (a body, a biography), in bytes: `MySQL`'s `text`.
const TEXT: usize = 65_535;

/// Collects what is wrong with the fields of one request.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    errors: Errors,
}

impl Checks {
    /// A line that must be there: trimmed, not blank, not too long.
    pub(crate) fn line(&mut self, field: &'static str, value: Option<String>) -> String {
        let value = value.unwrap_or_default();
        let line = value.trim();
        if line.is_empty() {
            self.errors.add(field, "can't be blank");
        } else if line.chars().count() > LINE {
            self.errors
                .add(field, "is too long (maximum is 255 characters)");
        }
        line.to_owned()
    }

    /// A text that must be there: kept as it is, not blank, not too long.
    pub(crate) fn text(&mut self, field: &'static str, value: Option<String>) -> String {
        let text = value.unwrap_or_default();
        if text.trim().is_empty() {
            self.errors.add(field, "can't be blank");
        }
        self.bound(field, &text);
        text
    }

    /// A text that may be empty, which is none.
    pub(crate) fn optional(
        &mut self,
        field: &'static str,
        value: Option<String>,
    ) -> Option<String> {
        let text = value.filter(|text| !text.is_empty())?;
        self.bound(field, &text);
        Some(text)
    }

    /// An address that can be one; its letters are not told apart by case.
    pub(crate) fn email(&mut self, value: Option<String>) -> String {
        let email = self.line("email", value).to_lowercase();
        if !email.is_empty() && !email.contains('@') {
            self.errors.add("email", "is invalid");
        }
        email
    }

    /// # Errors
    /// 422 with all that was wrong.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        if self.errors.is_empty() {
            return Ok(());
        }
        Err(ApiError::Invalid(self.errors))
    }

    fn bound(&mut self, field: &'static str, text: &str) {
        if text.len() > TEXT {
            self.errors
                .add(field, "is too long (maximum is 65535 bytes)");
        }
    }
}

/// A field of an update that can also be emptied.
#[derive(Debug, Default)]
pub(crate) enum Patch {
    /// Not sent: stays as it is.
    #[default]
    Keep,
    /// Sent, perhaps as `null`.
    Put(Option<String>),
}

impl<'de> Deserialize<'de> for Patch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::Put)
    }
}
