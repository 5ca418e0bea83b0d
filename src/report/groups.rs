//! Which resources stand together in a format for people, in the order in which a tired person needs them: what cannot be
//! told, what differs by who has to move, what is pending, what is waived or expected, what is in sync.

use super::value::{Report, ResourceReport};
use crate::drift::Verdict;
use crate::model::Route;

/// What the resources of a group have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Unknown,
    /// By who moves.
    Drift(Route),
    Pending,
    Waived,
    Explained,
    InSync,
}

/// Resources of one class, those that matter most first. Never empty.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) class: Class,
    pub(super) resources: Vec<&'a ResourceReport>,
}

const ORDER: &[Class] = &[
    Class::Unknown,
    Class::Drift(Route::Host),
    Class::Drift(Route::Source),
    Class::Drift(Route::Operator),
    Class::Pending,
    Class::Waived,
    Class::Explained,
    Class::InSync,
];

impl Class {
    /// The class of a resource. Each has one.
    pub(super) fn of(resource: &ResourceReport) -> Self {
        match resource.verdict {
            _ if resource.waiver.is_some() => Self::Waived,
            _ if resource.explained => Self::Explained,
            Verdict::Unknown => Self::Unknown,
            Verdict::Drift => Self::Drift(resource.route),
            Verdict::Pending => Self::Pending,
            Verdict::InSync => Self::InSync,
        }
    }

    /// Its first word, as a heading.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Drift(_) => "DRIFT",
            Self::Pending => "PENDING",
            Self::Waived => "WAIVED",
            Self::Explained => "EXPLAINED",
            Self::InSync => "IN SYNC",
        }
    }

    /// What that means, or who moves; nothing for what is in sync.
    pub(super) fn meaning(self) -> String {
        match self {
            Self::Unknown => "it cannot be told".to_owned(),
            Self::Drift(route) => format!("who moves: {}", route.mover()),
            Self::Pending => "desired state moved, live did not yet".to_owned(),
            Self::Waived => "known and accepted for a time".to_owned(),
            Self::Explained => "expected until then, as somebody signed".to_owned(),
            Self::InSync => String::new(),
        }
    }

    /// The word that programs read: a metric's label, a class of a style sheet.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Drift(_) => "drift",
            Self::Pending => "pending",
            Self::Waived => "waived",
            Self::Explained => "explained",
            Self::InSync => "in_sync",
        }
    }
}

/// Every resource in its group.
pub(super) fn groups(report: &Report) -> Vec<Group<'_>> {
    let of = |class: &Class| {
        let mut resources: Vec<&ResourceReport> =
            report.resources.iter().filter(|r| Class::of(r) == *class).collect();
        // Stable: those that matter the same stay in the order of their names.
        resources.sort_by_key(|r| r.severity);
        Group { class: *class, resources }
    };
    ORDER.iter().map(of).filter(|group| !group.resources.is_empty()).collect()
}
