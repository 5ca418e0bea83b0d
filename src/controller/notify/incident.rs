//! What is new, what is over, what lasts, what flaps. Pure: a memory, what is wrong now, and the time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::fact::{Cause, Class, Fact, Facts};
use crate::model::{Period, Timestamp};

/// So many beginnings of one cause within [`FLAP_WINDOW`] are flapping.
const FLAPS: usize = 3;
/// How long a cause has to rest until it is not flapping any more.
const FLAP_WINDOW: Period = Period::from_seconds(3600);

/// How long an event is remembered after it was seen last.
const EVENT_KEPT: Period = Period::from_seconds(7 * 86_400);

/// When something is told.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// How many looks in a row it has to last.
    pub after: u32,
    /// After how long it is told again.
    pub renotify: Period,
}

/// What has happened to a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It is wrong, and was not.
    Begun,
    /// It comes and goes: it is told no more until it rests.
    Flapping,
    /// It is wrong still.
    Lasting,
    /// It is not wrong any more.
    Ended,
    /// A plan was sealed, and waits for approvals.
    Sealed,
    /// A statement about a plan counts.
    Approved,
    /// A statement about a plan says no, or takes an approval back.
    Rejected,
    /// Something was refused: a statement, or a verb.
    Refused,
    /// Every step of a plan was applied.
    Applied,
    /// A plan stopped half way, or was given up.
    Failed,
}

/// Something to say: one cause, or those of a class that are told together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// What kind of thing.
    pub class: Class,
    /// What has happened.
    pub phase: Phase,
    /// Each cause with what is behind it, and since when it is wrong.
    pub causes: Vec<Affected>,
}

/// A cause with what is behind it, and since when it is wrong.
pub type Affected = (Cause, Fact, Timestamp);

/// What is remembered of every cause that was wrong lately.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Incidents(#[serde(with = "listed")] BTreeMap<Cause, Track>);

/// What is remembered of one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Track {
    fact: Fact,
    onset: Timestamp,
    active: bool,
    /// How many looks in a row it was wrong, up to the number that is asked for.
    looks: u32,
    /// The look that was counted last, while looks are counted.
    counted: Option<Timestamp>,
    /// When it was told last that it is wrong; none while nobody was told.
    told: Option<Timestamp>,
    /// When it was last another than before.
    changed: Timestamp,
    /// Its beginnings that were told, within the window.
    begun: Vec<Timestamp>,
    flapping: bool,
}

impl Incidents {
    /// Takes in what is wrong now. Answers what is to be said, the gravest class first.
    pub fn step(&mut self, facts: &Facts, rules: Rules, now: Timestamp) -> Vec<Said> {
        let mut news = News::default();
        for (cause, fact) in &facts.wrong {
            let track = self.0.entry(cause.clone()).or_insert_with(|| Track::new(fact, now));
            if let Some(phase) = track.wrong(fact, cause.class, rules, now) {
                news.add(phase, cause, track);
            }
        }
        for (cause, track) in &mut self.0 {
            if facts.wrong.contains_key(cause) || facts.cannot_tell(cause, &track.fact) {
                continue;
            }
            if let Some(phase) = track.well(cause.class, now) {
                news.add(phase, cause, track);
            }
        }
        self.remind(facts, rules, now, &mut news);
        self.0.retain(|cause, track| {
            let kept = if cause.class.is_event() { EVENT_KEPT } else { FLAP_WINDOW };
            let untold_end = track.told.is_some() && !cause.class.is_event();
            track.active || untold_end || track.changed.after(kept) > now
        });
        news.said()
    }

    /// What lasts is told again; where one of a class that is told together is due, all of that class are.
    fn remind(&mut self, facts: &Facts, rules: Rules, now: Timestamp, news: &mut News) {
        // Of what nobody can tell just now it is not said that it lasts.
        let holds = |cause: &Cause| facts.wrong.contains_key(cause);
        let due = |cause: &Cause, track: &Track| {
            let told = track.told.is_some_and(|told| told.after(rules.renotify) <= now);
            track.active && told && holds(cause) && !cause.class.is_event()
        };
        let together = self.0.iter().any(|(c, t)| c.class.is_told_together() && due(c, t));
        for (cause, track) in &mut self.0 {
            let with_others = together && cause.class.is_told_together() && holds(cause);
            let told_now = track.told == Some(now);
            if due(cause, track)
                || (with_others && track.active && track.told.is_some() && !told_now)
            {
                track.told = Some(now);
                news.add(Phase::Lasting, cause, track);
            }
        }
    }
}

impl Track {
    fn new(fact: &Fact, now: Timestamp) -> Self {
        let begun = Vec::new();
        Self {
            fact: fact.clone(),
            onset: now,
            active: false,
            looks: 0,
            counted: None,
            told: None,
            changed: now,
            begun,
            flapping: false,
        }
    }

    /// It is wrong now.
    fn wrong(&mut self, fact: &Fact, class: Class, rules: Rules, now: Timestamp) -> Option<Phase> {
        self.fact = Fact { seen: None, times: 0, ..fact.clone() };
        if !self.active {
            (self.active, self.onset, self.changed) = (true, now, now);
            (self.looks, self.counted) = (0, None);
        }
        self.calm(now);
        if self.looks < rules.after && (fact.seen.is_some() && self.counted != fact.seen) {
            self.looks += 1;
            self.counted = fact.seen;
        }
        let enough = class.is_event() || self.looks.max(fact.times) >= rules.after;
        if self.told.is_some() || self.flapping || !enough {
            return None;
        }
        self.told = Some(now);
        self.begun.push(now);
        if self.begun.len() < FLAPS {
            return Some(Phase::Begun);
        }
        self.flapping = true;
        Some(Phase::Flapping)
    }

    /// It is not wrong now.
    fn well(&mut self, class: Class, now: Timestamp) -> Option<Phase> {
        if self.active {
            (self.active, self.changed) = (false, now);
            (self.looks, self.counted) = (0, None);
        }
        self.calm(now);
        // An event is told once, whether what it was about is still there or comes back.
        if self.told.is_none() || self.flapping || class.is_event() {
            return None;
        }
        self.told = None;
        Some(Phase::Ended)
    }

    /// Forgets beginnings that are long ago, and that it flapped once it rests.
    fn calm(&mut self, now: Timestamp) {
        self.begun.retain(|begun| begun.after(FLAP_WINDOW) > now);
        self.flapping &= !self.rested(now);
    }

    fn rested(&self, now: Timestamp) -> bool {
        self.changed.after(FLAP_WINDOW) <= now
    }
}

/// What is to be said, gathered.
#[derive(Default)]
struct News(BTreeMap<(Class, Phase, Option<Cause>), Vec<Affected>>);

impl News {
    fn add(&mut self, phase: Phase, cause: &Cause, track: &Track) {
        let alone = (!cause.class.is_told_together()).then(|| cause.clone());
        let group = self.0.entry((cause.class, phase, alone)).or_default();
        group.push((cause.clone(), track.fact.clone(), track.onset));
    }

    fn said(self) -> Vec<Said> {
        let said = |((class, phase, _), causes)| Said { class, phase, causes };
        self.0.into_iter().map(said).collect()
    }
}

/// A map whose keys are no texts, as a list of pairs.
mod listed {
    use super::{BTreeMap, Cause, Track};
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        map: &BTreeMap<Cause, Track>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<Cause, Track>, D::Error> {
        let pairs: Vec<(Cause, Track)> = Vec::deserialize(deserializer)?;
        Ok(pairs.into_iter().collect())
    }
}
