//! Units against tables: recorded answers of a manager, and unit files of a root that is not running.
