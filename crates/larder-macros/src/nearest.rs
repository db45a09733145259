//! The setting somebody meant.

/// Returns the candidate with the fewest edits from `name`, if they are few.
pub(crate) fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    candidates
        .iter()
        .map(|candidate| (edits(name, candidate), *candidate))
        .filter(|(edits, candidate)| *edits <= candidate.len().max(3) / 3)
        .min()
        .map(|(_, candidate)| candidate)
}

/// Counts the edits between two words (Levenshtein, one row at a time).
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for column in 0..to.len() {
            let replaced = diagonal + usize::from(letter != to[column]);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_the_word_that_was_meant() {
        let words = ["ttl", "grace", "negative_ttl", "early_refresh"];
        assert_eq!(nearest("tll", &words), Some("ttl"));
        assert_eq!(nearest("grase", &words), Some("grace"));
        assert_eq!(nearest("negativ_ttl", &words), Some("negative_ttl"));
        assert_eq!(nearest("colour", &words), None);
    }

    #[test]
    fn edits_are_counted_letter_by_letter() {
        assert_eq!(edits("grace", "grace"), 0);
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("", "ttl"), 3);
    }
}
