//! Equalities that pick rows: what the top-level AND of a WHERE says for certain.

use sea_orm::DbBackend;
use sea_orm::sea_query::Value;
use smallvec::SmallVec;

use super::{BlockAtom, Name, Place};

/// Longer lists are not worth keeping apart.
pub(crate) const MOST_ROWS: usize = 128;

/// Equalities that hold for every row a WHERE picks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pins {
    pub(super) atoms: Vec<Atom>,
}

/// One equality: the columns, taken together, have one of these values.
#[derive(Clone, Debug, PartialEq)]
pub struct Atom {
    /// The columns, one for `a = 1`, several for `(a, b) IN ((1, 2), (3, 4))`.
    pub columns: SmallVec<[Name; 1]>,
    /// The alternatives one after the other, each as long as the columns.
    pub values: SmallVec<[Value; 1]>,
}

impl Pins {
    /// Takes the equalities of a WHERE that are certainly about the table of `scope`.
    pub(super) fn of(atoms: &[BlockAtom], scope: Scope<'_>) -> Self {
        let ours = |atom: &&BlockAtom| {
            atom.place == Place::Where
                && !atom.is_null
                && atom.columns.iter().all(|column| {
                    let qualifier = column.qualifier.as_ref();
                    qualifier.is_none_or(|name| scope.is_table(name))
                })
        };
        let pinned = |atom: &BlockAtom| Atom {
            columns: atom
                .columns
                .iter()
                .map(|column| column.name.clone())
                .collect(),
            values: atom.values.clone(),
        };
        Self {
            atoms: atoms.iter().filter(ours).map(pinned).collect(),
        }
    }

    /// Returns the equalities.
    pub fn atoms(&self) -> &[Atom] {
        &self.atoms
    }

    /// Tells whether nothing is pinned.
    pub fn is_empty(&self) -> bool {
        self.atoms.is_empty()
    }

    /// Returns all values that a column can have, by the equality on it alone that leaves the fewest.
    pub(super) fn alternatives(&self, column: &str, backend: DbBackend) -> Option<&[Value]> {
        let alone = |atom: &&Atom| matches!(atom.columns.as_slice(), [name] if name.is_column(column, backend));
        let fewest = self
            .atoms
            .iter()
            .filter(alone)
            .min_by_key(|atom| atom.values.len())?;
        Some(&fewest.values)
    }

    /// Returns all values that `key`'s columns can have together, in their order.
    ///
    /// `None` when a column is not pinned, or there are more rows than are worth telling apart.
    pub fn rows(&self, key: &[&str], backend: DbBackend) -> Option<Vec<Vec<&Value>>> {
        let mut atoms: Vec<&Atom> = self.atoms.iter().collect();
        atoms.sort_by_key(|atom| (std::cmp::Reverse(atom.columns.len()), atom.values.len()));
        let mut rows: Vec<Vec<Option<&Value>>> = vec![vec![None; key.len()]];
        let mut filled = vec![false; key.len()];
        for atom in atoms {
            let places = atom.places(key, backend);
            let useful = places.iter().any(Option::is_some)
                && !places.iter().flatten().any(|place| filled[*place]);
            if useful {
                rows = atom.cross(&rows, &places)?;
                places
                    .iter()
                    .flatten()
                    .for_each(|place| filled[*place] = true);
            }
        }
        filled.iter().all(|filled| *filled).then(|| {
            rows.into_iter()
                .map(|row| row.into_iter().flatten().collect())
                .collect()
        })
    }
}

impl Atom {
    fn places(&self, key: &[&str], backend: DbBackend) -> SmallVec<[Option<usize>; 4]> {
        let place = |name: &Name| {
            key.iter()
                .position(|column| name.is_column(column, backend))
        };
        self.columns.iter().map(place).collect()
    }

    /// Extends each row by each alternative.
    fn cross<'a>(
        &'a self,
        rows: &[Vec<Option<&'a Value>>],
        places: &[Option<usize>],
    ) -> Option<Vec<Vec<Option<&'a Value>>>> {
        let alternatives = self.values.len() / self.columns.len();
        if rows.len().saturating_mul(alternatives) > MOST_ROWS {
            return None;
        }
        let mut crossed = Vec::with_capacity(rows.len() * alternatives);
        for row in rows {
            for alternative in self.values.chunks_exact(self.columns.len()) {
                let mut row = row.clone();
                for (place, value) in places.iter().zip(alternative) {
                    if let Some(place) = place {
                        row[*place] = Some(value);
                    }
                }
                crossed.push(row);
            }
        }
        Some(crossed)
    }
}

/// The table whose columns are pinned: the name it goes by in the statement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    pub(super) table: &'a Name,
    pub(super) backend: DbBackend,
}

impl Scope<'_> {
    /// Tells whether `name` is the one the table goes by.
    pub(super) fn is_table(&self, name: &Name) -> bool {
        name.folded(self.backend) == self.table.folded(self.backend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pins(atoms: &[(&[&'static str], &[i64])]) -> Pins {
        let atom = |(columns, values): &(&[&'static str], &[i64])| Atom {
            columns: columns.iter().map(|name| Name::quoted(*name)).collect(),
            values: values.iter().map(|value| Value::from(*value)).collect(),
        };
        Pins {
            atoms: atoms.iter().map(atom).collect(),
        }
    }

    fn rows(pins: &Pins, key: &[&str]) -> Option<Vec<Vec<i64>>> {
        let number = |value: &&Value| match value {
            Value::BigInt(Some(number)) => *number,
            other => panic!("{other:?}"),
        };
        let rows = pins.rows(key, DbBackend::Postgres)?;
        Some(
            rows.iter()
                .map(|row| row.iter().map(number).collect())
                .collect(),
        )
    }

    #[test]
    fn every_column_of_the_key_must_be_pinned() {
        let half = pins(&[(&["a"], &[1])]);
        assert_eq!(rows(&half, &["a"]), Some(vec![vec![1]]));
        assert_eq!(rows(&half, &["a", "b"]), None);
        assert_eq!(
            rows(&half, &[]),
            Some(vec![vec![]]),
            "a key without columns picks one row"
        );
    }

    #[test]
    fn alternatives_multiply() {
        let both = pins(&[(&["a"], &[1, 2]), (&["b"], &[5, 6])]);
        let all = vec![vec![1, 5], vec![1, 6], vec![2, 5], vec![2, 6]];
        assert_eq!(rows(&both, &["a", "b"]), Some(all));
    }

    #[test]
    fn a_tuple_counts_before_its_columns() {
        let tuple = pins(&[(&["a"], &[1, 2, 3]), (&["b", "a"], &[5, 1, 6, 2])]);
        assert_eq!(
            rows(&tuple, &["a", "b"]),
            Some(vec![vec![1, 5], vec![2, 6]])
        );
    }

    #[test]
    fn too_many_rows_are_not_told_apart() {
        let many: Vec<i64> = (0..12).collect();
        let many = pins(&[(&["a"], &many), (&["b"], &many)]);
        assert_eq!(rows(&many, &["a", "b"]), None);
    }

    #[test]
    fn an_empty_list_picks_no_row() {
        assert_eq!(rows(&pins(&[(&["a"], &[])]), &["a"]), Some(vec![]));
    }
}
