//! Units by their files: the part of the host that holds them, and what happens to it. What only a living manager can say
//! is drifted in `systemd_live`.

use std::fs;
use std::os::unix::fs::symlink;

use countersign::model::Digest;

use super::{Case, case};
use crate::program::World;

const VENDOR: &str = "usr/lib/systemd/system";
const CONFIG: &str = "etc/systemd/system";
const WANTED: &str = "etc/systemd/system/multi-user.target.wants/agent.service";
const AGENT: &str = "[Service]\nExecStart=/usr/bin/agent\n[Install]\nWantedBy=multi-user.target\n";
const ADDED: &str = "[Service]\nNice=1\n";

pub(super) fn lay_out(world: &World) {
    for name in ["agent", "pinned", "whole"] {
        world.host_file(&format!("{VENDOR}/{name}.service"), AGENT);
    }
    for name in ["agent", "whole"] {
        world.host_file(&format!("{CONFIG}/{name}.service.d/10.conf"), ADDED);
    }
    world.host_file(&format!("{CONFIG}/shop-a.timer"), "[Timer]\nOnBootSec=1\n");
    world.host_folder("etc/systemd/system/multi-user.target.wants", 0o755);
    link(world, "/usr/lib/systemd/system/agent.service", WANTED);
    link(world, "/dev/null", "etc/systemd/system/masked.service");
}

fn link(world: &World, target: &str, path: &str) {
    symlink(target, world.path("root").join(path)).unwrap();
}

fn remove(world: &World, path: &str) {
    fs::remove_file(world.path("root").join(path)).unwrap();
}

pub(super) fn resources() -> String {
    let fragment = Digest::of(AGENT.as_bytes());
    let list = format!(
        "{fragment}  /{VENDOR}/whole.service\n{}  /{CONFIG}/whole.service.d/10.conf\n",
        Digest::of(ADDED.as_bytes())
    );
    format!(
        "[systemd_unit.\"agent.service\"]\nenabled = \"enabled\"\nfragment = \"/{VENDOR}/agent.service\"\n\
         drop_ins = [\"/{CONFIG}/agent.service.d/10.conf\"]\n\
         [systemd_unit.\"pinned.service\"]\nfragment_sha256 = \"{fragment}\"\n\
         [systemd_unit.\"whole.service\"]\ndefinition_sha256 = \"{}\"\n\
         [systemd_unit.\"masked.service\"]\nload = \"masked\"\n\
         [systemd_unit.\"gone.service\"]\npresent = false\n\
         [systemd_unit.\"shop-*\"]\nonly = [\"shop-a.timer\"]\n",
        Digest::of(list.as_bytes())
    )
}

pub(super) fn all() -> Vec<Case> {
    vec![
        case(
            "a unit is disabled",
            |w| remove(w, WANTED),
            &[("systemd_unit.agent.service", "enabled")],
        ),
        case(
            "a unit file hides that of a package",
            |w| w.host_file(&format!("{CONFIG}/agent.service"), AGENT),
            &[("systemd_unit.agent.service", "fragment")],
        ),
        case(
            "a file is added to a unit until the next boot",
            |w| w.host_file("run/systemd/system/agent.service.d/99.conf", ADDED),
            &[(
                "systemd_unit.agent.service",
                "drop_ins /run/systemd/system/agent.service.d/99.conf",
            )],
        ),
        case(
            "a unit file is edited",
            |w| w.host_file(&format!("{VENDOR}/pinned.service"), format!("{AGENT}# more\n")),
            &[("systemd_unit.pinned.service", "fragment_sha256")],
        ),
        case(
            "a file that adds to a unit is edited",
            |w| w.host_file(&format!("{CONFIG}/whole.service.d/10.conf"), "[Service]\nNice=2\n"),
            &[("systemd_unit.whole.service", "definition_sha256")],
        ),
        case(
            "a unit is no longer masked",
            |w| {
                remove(w, "etc/systemd/system/masked.service");
                w.host_file(&format!("{VENDOR}/masked.service"), AGENT);
            },
            &[("systemd_unit.masked.service", "load")],
        ),
        case(
            "a unit appears that shall not be",
            |w| w.host_file("run/systemd/system/gone.service", AGENT),
            &[("systemd_unit.gone.service", "presence")],
        ),
        case(
            "one more unit appears among those of a closed list",
            |w| w.host_file("usr/local/lib/systemd/system/shop-b.timer", "[Timer]\nOnBootSec=1\n"),
            &[("systemd_unit.shop-*", "shop-b.timer")],
        ),
    ]
}
