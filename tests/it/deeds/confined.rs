//! The thread that executes can write where its plan works, and nowhere else, whatever it tries.

use std::fs;
use std::io::ErrorKind;

use countersign::execute::{Confinement, confine};

use super::Lab;
use crate::program::skipped;

#[test]
fn the_executing_thread_writes_where_its_plan_works_and_nowhere_else() {
    let lab = Lab::new();
    let (plan, _) = lab.plan();
    lab.world.host_file("etc/kept", "kept");
    lab.world.write("outside/kept", "kept");
    let (root, data) = (lab.world.path("root"), lab.world.path("data"));
    let confinement = std::thread::scope(|scope| {
        let confined = scope.spawn(|| {
            let confinement = confine(&plan, &root, &data);
            if matches!(confinement, Confinement::None(_)) {
                return confinement;
            }
            fs::create_dir(root.join("srv/runs")).unwrap();
            fs::write(root.join("srv/runs/note"), "x").unwrap();
            fs::write(data.join("x"), "x").unwrap();
            fs::read(root.join("etc/kept")).unwrap();
            let outside = lab.world.path("outside");
            for folder in [root.join("etc"), outside, root.clone()] {
                let kept = folder.join("kept");
                let tried = [
                    fs::write(folder.join("new"), "x"),
                    fs::write(&kept, "x"),
                    fs::create_dir(folder.join("new")),
                    std::os::unix::fs::symlink("x", folder.join("new")),
                    fs::remove_file(&kept),
                    fs::rename(&kept, root.join("srv/kept")),
                    fs::rename(root.join("srv/runs/note"), folder.join("new")),
                    fs::hard_link(&kept, root.join("srv/kept")),
                ];
                for (n, result) in tried.into_iter().enumerate() {
                    let error = result.expect_err("it was let through").kind();
                    let refused =
                        matches!(error, ErrorKind::PermissionDenied | ErrorKind::CrossesDevices);
                    let missing = folder == root && error == ErrorKind::NotFound;
                    assert!(refused || missing, "{n} in {}: {error:?}", folder.display());
                }
            }
            confinement
        });
        confined.join().unwrap()
    });
    if let Confinement::None(why) = confinement {
        assert!(std::env::var_os("CI").is_none(), "{why}");
        skipped("confinement of the executing thread", &why);
    }
}
