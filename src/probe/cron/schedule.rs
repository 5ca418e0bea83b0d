//! When an entry runs: five fields or one word with `@`, in one form for all that mean the same.

/// A schedule whose equal is every other way to write the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schedule {
    /// When cron starts.
    Reboot,
    /// By one of the folders `/etc/cron.hourly` and so on: whoever runs that folder decides when.
    Folder(&'static str),
    /// At every minute that fits.
    Times(Box<Times>),
}

/// The minutes that fit: bit N of a set stands for the number N.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Times {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Both kinds of days are restricted: then one of them is enough.
    either_day: bool,
}

/// The folders whose files are run by period.
pub const PERIODS: [&str; 4] = ["hourly", "daily", "weekly", "monthly"];
const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const WORDS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// One of the five fields: its name, its numbers, and the names of numbers.
struct Field {
    name: &'static str,
    first: u8,
    last: u8,
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field { name: "minute", first: 0, last: 59, names: &[] },
    Field { name: "hour", first: 0, last: 23, names: &[] },
    Field { name: "day of the month", first: 1, last: 31, names: &[] },
    Field { name: "month", first: 1, last: 12, names: &MONTHS },
    Field { name: "day of the week", first: 0, last: 7, names: &WEEKDAYS },
];

impl Schedule {
    /// Reads five fields, a word with `@`, or the period of a folder.
    ///
    /// # Errors
    /// A fragment that says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim().to_ascii_lowercase();
        if text == "@reboot" {
            return Ok(Self::Reboot);
        }
        if let Some(period) = PERIODS.iter().find(|period| **period == text) {
            return Ok(Self::Folder(period));
        }
        let meant =
            WORDS.iter().find(|(word, _)| *word == text).map_or(text.as_str(), |(_, five)| five);
        let fields: Vec<&str> = meant.split_ascii_whitespace().collect();
        let Ok(fields): Result<[&str; 5], _> = fields.try_into() else {
            return Err("has neither five fields nor a known word with `@`".to_owned());
        };
        let mut sets = [0; 5];
        for ((set, field), text) in sets.iter_mut().zip(&FIELDS).zip(fields) {
            *set = field.parse(text).ok_or_else(|| format!("has a bad {}", field.name))?;
        }
        let [minutes, hours, mut days, months, mut weekdays] = sets;
        // Sunday is 0 and 7.
        if weekdays & (1 << 7) != 0 {
            weekdays = (weekdays | 1) & 0x7f;
        }
        let (all_days, all_weekdays) = (!0 >> 32 & !1, 0x7f);
        let mut either_day = !fields[2].starts_with('*') && !fields[4].starts_with('*');
        if either_day && (days == all_days || weekdays == all_weekdays) {
            (days, weekdays, either_day) = (all_days, all_weekdays, false);
        }
        Ok(Self::Times(Box::new(Times { minutes, hours, days, months, weekdays, either_day })))
    }
}

impl Field {
    /// The set of a list such as `1-5,*/15,sun`.
    fn parse(&self, text: &str) -> Option<u64> {
        text.split(',').try_fold(0, |set, part| Some(set | self.part(part)?))
    }

    fn part(&self, text: &str) -> Option<u64> {
        let (range, step) = text.split_once('/').map_or((text, None), |(r, s)| (r, Some(s)));
        let step = step.map_or(Some(1), |step| number(step).filter(|step| *step > 0))?;
        let (low, high) = match range.split_once('-') {
            _ if range == "*" => (self.first, self.last),
            Some((low, high)) => (self.number(low)?, self.number(high)?),
            // A step goes with a range; a single number has none.
            None if text.contains('/') => return None,
            None => (self.number(range)?, self.number(range)?),
        };
        if low > high {
            return None;
        }
        let fits = (low..=high).step_by(usize::from(step));
        Some(fits.fold(0, |set, number| set | 1 << number))
    }

    fn number(&self, text: &str) -> Option<u8> {
        if let Some(at) = self.names.iter().position(|name| *name == text) {
            return u8::try_from(at).ok()?.checked_add(self.first);
        }
        number(text).filter(|number| (self.first..=self.last).contains(number))
    }
}

fn number(text: &str) -> Option<u8> {
    let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_the_same_is_equal() {
        for (a, b) in [
            ("@daily", "0 0 * * *"),
            ("@MIDNIGHT", " 00\t0  * * * "),
            ("@weekly", "0 0 * * sun"),
            ("0 0 * * 7", "0 0 * * 0"),
            ("*/15 * * * *", "0,15,30,45 * * * *"),
            ("0 1-3 * JAN-mar *", "0 1,2,3 * 1-3 *"),
            ("0 0 1-31 * mon", "0 0 * * *"),
            ("0 0 * * 0-7", "0 0 * * *"),
            ("5 4 1 * */2", "5 4 1 * 0,2,4,6"),
        ] {
            let same = Schedule::parse(a) == Schedule::parse(b);
            // A star, even with a step, restricts together with the other kind of day; numbers restrict beside it.
            assert_eq!(same, !a.starts_with("5 4"), "{a} {b}");
        }
        for (a, b) in [
            ("@daily", "daily"),
            ("@reboot", "@hourly"),
            ("0 0 1 * 1", "0 0 1 * *"),
            ("1 0 * * *", "0 1 * * *"),
        ] {
            assert!(Schedule::parse(a).is_ok() && Schedule::parse(b).is_ok());
            assert_ne!(Schedule::parse(a), Schedule::parse(b), "{a} {b}");
        }
    }

    #[test]
    fn what_cron_refuses_is_refused() {
        for bad in [
            "",
            "@never",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * 32 * *",
            "* * * 13 *",
            "* * * * 8",
            "5-1 * * * *",
            "*/0 * * * *",
            "5/10 * * * *",
            "a * * * *",
            "-1 * * * *",
            "1, * * * *",
            "* * * mon *",
        ] {
            assert!(Schedule::parse(bad).is_err(), "{bad}");
        }
    }
}
