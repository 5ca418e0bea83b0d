//! What else stands in a schema, in one form for all: collations, conversions, operators with their classes and families,
//! and what text search is made of.
//!
//! Functions, relations, types and extended statistics have classes of their own. What stands in no schema (casts,
//! languages, access methods, transforms) is not read here.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Object;
use crate::model::Unknown;
use crate::probe::postgres::Fields;

/// An object that only its own class of the catalogs tells anything about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Other {
    /// What it is, as `COMMENT ON` calls it, such as `operator class`.
    pub class: String,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// What tells apart those of one name: the types of an operator, the access method of an operator class, the encoding
    /// of a collation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// What it is made of, by the words of its `CREATE` command.
    pub definition: Map<String, Value>,
    /// Its owner; a text search parser or template has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The extension that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<String>,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// How one class is read: all from one row `x` of one catalog.
struct Class {
    name: &'static str,
    catalog: &'static str,
    /// The beginning of the names of its columns, as in `opcname`.
    prefix: &'static str,
    of: &'static str,
    owned: bool,
    /// Pairs for `json_build_object`; NULLs are left out of what is kept.
    definition: &'static str,
}

const CLASSES: [Class; 9] = [
    Class {
        name: "conversion",
        catalog: "pg_conversion",
        prefix: "con",
        of: "NULL",
        owned: true,
        definition: "'from', pg_catalog.pg_encoding_to_char(x.conforencoding), 'to', pg_catalog.pg_encoding_to_char(x.contoencoding), \
            'function', x.conproc::pg_catalog.regproc::text, 'default', x.condefault",
    },
    Class {
        name: "operator",
        catalog: "pg_operator",
        prefix: "opr",
        of: "pg_catalog.format('%s, %s', CASE WHEN x.oprleft = 0 THEN 'NONE' ELSE pg_catalog.format_type(x.oprleft, NULL) END, \
            pg_catalog.format_type(x.oprright, NULL))",
        owned: true,
        definition: "'function', NULLIF(x.oprcode::text, '-'), 'result', NULLIF(pg_catalog.format_type(x.oprresult, NULL), '-'), \
            'commutator', CASE WHEN x.oprcom <> 0 THEN x.oprcom::pg_catalog.regoperator::text END, \
            'negator', CASE WHEN x.oprnegate <> 0 THEN x.oprnegate::pg_catalog.regoperator::text END, \
            'restrict', NULLIF(x.oprrest::text, '-'), 'join', NULLIF(x.oprjoin::text, '-'), \
            'hashes', x.oprcanhash, 'merges', x.oprcanmerge",
    },
    Class {
        name: "operator class",
        catalog: "pg_opclass",
        prefix: "opc",
        of: "(SELECT m.amname FROM pg_catalog.pg_am m WHERE m.oid = x.opcmethod)",
        owned: true,
        definition: "'type', pg_catalog.format_type(x.opcintype, NULL), 'default', x.opcdefault, \
            'storage', CASE WHEN x.opckeytype <> 0 THEN pg_catalog.format_type(x.opckeytype, NULL) END, \
            'family', (SELECT pg_catalog.format('%I.%I', s.nspname, f.opfname) FROM pg_catalog.pg_opfamily f \
                JOIN pg_catalog.pg_namespace s ON s.oid = f.opfnamespace WHERE f.oid = x.opcfamily)",
    },
    Class {
        name: "operator family",
        catalog: "pg_opfamily",
        prefix: "opf",
        of: "(SELECT m.amname FROM pg_catalog.pg_am m WHERE m.oid = x.opfmethod)",
        owned: true,
        definition: "'operators', ARRAY(SELECT o.o FROM (SELECT pg_catalog.format('%s %s%s', a.amopstrategy, \
                a.amopopr::pg_catalog.regoperator, ' FOR ORDER BY ' || (SELECT pg_catalog.format('%I.%I', s.nspname, f.opfname) \
                FROM pg_catalog.pg_opfamily f JOIN pg_catalog.pg_namespace s ON s.oid = f.opfnamespace WHERE f.oid = a.amopsortfamily)) \
                FROM pg_catalog.pg_amop a WHERE a.amopfamily = x.oid) AS o (o) ORDER BY o.o COLLATE pg_catalog.\"C\"), \
            'functions', ARRAY(SELECT o.o FROM (SELECT pg_catalog.format('%s (%s, %s) %s', a.amprocnum, \
                pg_catalog.format_type(a.amproclefttype, NULL), pg_catalog.format_type(a.amprocrighttype, NULL), \
                a.amproc::pg_catalog.oid::pg_catalog.regprocedure) \
                FROM pg_catalog.pg_amproc a WHERE a.amprocfamily = x.oid) AS o (o) ORDER BY o.o COLLATE pg_catalog.\"C\")",
    },
    Class {
        name: "text search configuration",
        catalog: "pg_ts_config",
        prefix: "cfg",
        of: "NULL",
        owned: true,
        definition: "'parser', (SELECT pg_catalog.format('%I.%I', s.nspname, p.prsname) FROM pg_catalog.pg_ts_parser p \
                JOIN pg_catalog.pg_namespace s ON s.oid = p.prsnamespace WHERE p.oid = x.cfgparser), \
            'mappings', ARRAY(SELECT pg_catalog.format('%s %s', m.maptokentype, m.mapdict::pg_catalog.regdictionary) \
                FROM pg_catalog.pg_ts_config_map m WHERE m.mapcfg = x.oid ORDER BY m.maptokentype, m.mapseqno)",
    },
    Class {
        name: "text search dictionary",
        catalog: "pg_ts_dict",
        prefix: "dict",
        of: "NULL",
        owned: true,
        definition: "'template', (SELECT pg_catalog.format('%I.%I', s.nspname, p.tmplname) FROM pg_catalog.pg_ts_template p \
                JOIN pg_catalog.pg_namespace s ON s.oid = p.tmplnamespace WHERE p.oid = x.dicttemplate), 'options', x.dictinitoption",
    },
    Class {
        name: "text search parser",
        catalog: "pg_ts_parser",
        prefix: "prs",
        of: "NULL",
        owned: false,
        definition: "'start', x.prsstart::text, 'gettoken', x.prstoken::text, 'end', x.prsend::text, \
            'headline', NULLIF(x.prsheadline::text, '-'), 'lextypes', x.prslextype::text",
    },
    Class {
        name: "text search template",
        catalog: "pg_ts_template",
        prefix: "tmpl",
        of: "NULL",
        owned: false,
        definition: "'init', NULLIF(x.tmplinit::text, '-'), 'lexize', x.tmpllexize::text",
    },
    Class {
        name: "collation",
        catalog: "pg_collation",
        prefix: "coll",
        of: "NULLIF(pg_catalog.pg_encoding_to_char(x.collencoding), '')",
        owned: true,
        definition: "'provider', x.collprovider, 'deterministic', x.collisdeterministic, \
            'lc_collate', x.collcollate, 'lc_ctype', x.collctype",
    },
];

impl Class {
    fn sql(&self, version: u32) -> String {
        let Self { name, catalog, prefix, of, definition, .. } = self;
        let owner = if self.owned {
            format!("pg_catalog.pg_get_userbyid(x.{prefix}owner)::text")
        } else {
            "NULL".to_owned()
        };
        // Until 14 the locale of ICU stood in `collcollate`; the version of the library is no part of the definition.
        let more = match (*name, version) {
            ("collation", 170_000..) => ", 'locale', x.colllocale, 'rules', x.collicurules",
            ("collation", 160_000..) => ", 'locale', x.colliculocale, 'rules', x.collicurules",
            ("collation", 150_000..) => ", 'locale', x.colliculocale",
            _ => "",
        };
        format!(
            "SELECT '{name}', s.nspname, x.{prefix}name, {of}::text, \
             pg_catalog.json_strip_nulls(pg_catalog.json_build_object({definition}{more}))::text, {owner}, {extension}, \
             pg_catalog.obj_description(x.oid, '{catalog}') \
             FROM pg_catalog.{catalog} x JOIN pg_catalog.pg_namespace s ON s.oid = x.{prefix}namespace",
            extension = super::extension(catalog, "x.oid"),
        )
    }
}

impl Object for Other {
    const CLASS: &'static str = "other";
    const NAMED: (&'static str, &'static str) = ("o.schema", "o.name");

    fn sql(condition: &str, version: u32) -> String {
        let classes: Vec<String> = CLASSES.iter().map(|class| class.sql(version)).collect();
        format!(
            "SELECT o.class, o.schema::text, o.name::text, o.of, o.definition, o.owner, o.extension, o.comment \
             FROM ({}) AS o (class, schema, name, of, definition, owner, extension, comment) \
             WHERE {condition} ORDER BY o.class COLLATE pg_catalog.\"C\", o.schema, o.name, o.of COLLATE pg_catalog.\"C\"",
            classes.join(" UNION ALL "),
        )
    }

    fn read(row: &Fields<'_>) -> Result<Self, Unknown> {
        Ok(Self {
            class: row.owned(0)?,
            schema: row.owned(1)?,
            name: row.owned(2)?,
            of: row.maybe(3)?.map(str::to_owned),
            definition: row.json(4)?,
            owner: row.maybe(5)?.map(str::to_owned),
            extension: row.maybe(6)?.map(str::to_owned),
            comment: row.maybe(7)?.map(str::to_owned),
        })
    }
}
