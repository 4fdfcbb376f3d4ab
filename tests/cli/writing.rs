//! Files as they are written: through links, into pipes and devices, with the permissions that they had or the umask gives,
//! and nothing left of a killed process but what the next one removes.
#![cfg(unix)]

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;
use yolo_host::image::Image;
use yolo_host::weights::{self, Array, Checkpoint, Data, Dtype};
use yolo_tests::{root, shapes, yolo};

fn run(command: &mut Command) -> String {
    let output = command.output().expect("yolo runs");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {errors}");
    errors
}

fn mode(path: &Path) -> u32 {
    let meta = fs::metadata(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    meta.permissions().mode() & 0o7777
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("a name").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

/// `yolo` under a umask.
fn under(umask: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("umask {umask} && exec \"$@\""), "sh"]).arg(yolo().get_program());
    command.current_dir(root());
    command
}

/// A pipe with a name, and a thread that reads it to its end.
fn pipe(path: &Path) -> thread::JoinHandle<Vec<u8>> {
    run(Command::new("mkfifo").arg(path));
    let path = path.to_path_buf();
    thread::spawn(move || {
        let mut bytes = vec![];
        fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).expect("a pipe");
        bytes
    })
}

#[test]
fn links_are_followed_and_pipes_and_devices_stay_what_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let arrays =
        [("input".to_string(), Array { shape: vec![1, 3, 32, 32], data: Data::F32(vec![0.5; 3072]) })];
    let checkpoint = Checkpoint { arrays: arrays.into(), ..Checkpoint::default() };
    weights::write(&at("x"), &checkpoint, Dtype::F32).expect("an input");

    symlink("target", at("link")).expect("a link");
    fs::write(at("held"), "old").expect("a file");
    symlink(at("held"), at("to-held")).expect("a link");
    fs::set_permissions(at("held"), Permissions::from_mode(0o640)).expect("a file");
    let reader = pipe(&at("pipe"));
    symlink("pipe", at("to-pipe")).expect("a link");
    symlink("/dev/null", at("to-null")).expect("a link");
    let mut outputs = vec!["link", "to-held", "to-pipe", "to-null"];
    // Only root may make a device, where anybody may.
    let made = Command::new("mknod").arg(at("null")).args(["c", "1", "3"]).stderr(Stdio::null()).status();
    if made.is_ok_and(|status| status.success()) {
        outputs.push("null");
    }

    let mut child = yolo()
        .args(["bench", "--serve", "--threads", "1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("yolo runs");
    let mut input = child.stdin.take().expect("its input");
    let yaml = fs::read_to_string(root().join("models/yolov5n.yaml")).expect("a model");
    fs::write(at("n.yaml"), yaml.replace("nc: 80", "nc: 3")).expect("a model");
    for output in &outputs {
        let [cfg, x, output] = ["n.yaml", "x", output].map(|name| at(name).display().to_string());
        writeln!(input, "load n {cfg} weights/bccd-yolov5n.safetensors {x} {output}").expect("it listens");
    }
    drop(input);
    let said = child.wait_with_output().expect("it ends").stdout;
    let said = String::from_utf8_lossy(&said);
    assert_eq!(said.lines().filter(|line| line.starts_with("ok ")).count(), outputs.len(), "{said}");

    let maps = fs::read(at("target")).expect("the link's target");
    assert!(weights::read_bytes(&maps, Path::new("maps")).expect("maps").arrays.contains_key("p3"));
    assert!(fs::read(at("held")).expect("a file") == maps, "the file that was there");
    assert!(reader.join().expect("a reader") == maps, "the pipe");
    assert_eq!(mode(&at("held")), 0o640);
    for link in ["link", "to-held", "to-pipe", "to-null"] {
        assert!(at(link).is_symlink(), "{link} is no link any more");
    }
    let kind = |path: &Path| fs::metadata(path).expect("it is there").file_type();
    assert!(kind(&at("pipe")).is_fifo() && kind(Path::new("/dev/null")).is_char_device());
    assert!(!outputs.contains(&"null") || kind(&at("null")).is_char_device(), "a device became a file");
    assert!(names(folder.path()).iter().all(|name| !name.contains("tmp")), "{:?}", names(folder.path()));
}

#[test]
fn results_follow_the_umask() {
    let data = tempfile::tempdir().expect("a folder");
    shapes::draw(data.path(), 5, 2, 2);
    let weights = "weights/bccd-yolov5n.safetensors";
    for (umask, want) in [("022", 0o644), ("027", 0o640)] {
        let project = tempfile::tempdir().expect("a folder");
        let mut command = under(umask);
        command.args(["detect", "--weights", weights, "--imgsz", "64", "--conf-thres", "0.001", "--source"]);
        command.arg(data.path().join("JPEGImages")).args(["--save-txt", "--save-crop", "--max-det", "3"]);
        run(command.arg("--project").arg(project.path()));
        let mut seen = 0;
        let mut folders = vec![project.path().join("exp")];
        while let Some(folder) = folders.pop() {
            for path in names(&folder).iter().map(|name| folder.join(name)) {
                if path.is_dir() {
                    folders.push(path);
                } else {
                    assert_eq!(mode(&path), want, "{}", path.display());
                    seen += 1;
                }
            }
        }
        assert!(seen > 4 + 4 + 3, "{seen} files");
    }
}

#[test]
fn an_image_is_never_replaced_by_its_own_annotations() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("photos/a.png");
    fs::create_dir(file.parent().expect("a folder")).expect("a folder");
    Image { width: 64, height: 64, rgb: vec![90; 3 * 64 * 64] }.write(&file).expect("an image");
    let before = fs::read(&file).expect("an image");
    let mut command = yolo();
    command.args(["detect", "--weights", "weights/bccd-yolov5n.safetensors", "--imgsz", "64"]);
    command.arg("--source").arg(&file).arg("--project").arg(folder.path());
    let output = command.args(["--name", "photos", "--exist-ok"]).output().expect("yolo runs");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("would replace") && errors.contains("choose another --project"), "{errors}");
    assert!(fs::read(&file).expect("an image") == before);
}

#[test]
fn what_a_killed_process_left_goes_with_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let convert = || {
        let mut command = yolo();
        command.args(["convert", "--weights", "weights/yolov5s.safetensors", "--output"]);
        command.arg(folder.path().join("s.safetensors")).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    // As soon as it has begun to write.
    let mut left = vec![];
    for _ in 0..50 {
        let mut child = convert().spawn().expect("yolo runs");
        while child.try_wait().expect("a process").is_none() {
            if names(folder.path()).iter().any(|name| name.ends_with(".yolo-tmp")) {
                child.kill().expect("a process");
                break;
            }
            thread::sleep(Duration::from_micros(50));
        }
        child.wait().expect("a process");
        left = names(folder.path());
        left.retain(|name| name != "s.safetensors");
        if !left.is_empty() {
            break;
        }
    }
    assert!(left.len() == 1 && left[0].starts_with(".s.safetensors."), "{left:?}");

    // Another process is writing one of these, and the others are not ours.
    let kept = [".s.safetensors.Held00.yolo-tmp", ".tmpAbC123", "mine.yolo-tmp"];
    for name in kept {
        fs::write(folder.path().join(name), "x").expect("a file");
    }
    let held = fs::File::open(folder.path().join(kept[0])).expect("a file");
    held.lock().expect("a lock");
    run(&mut convert());
    assert_eq!(names(folder.path()), [kept[0], kept[1], kept[2], "s.safetensors"]);
    drop(held);
    run(&mut convert());
    assert_eq!(names(folder.path()), [kept[1], kept[2], "s.safetensors"]);
}

/// 84 MB lie beside the weights of a killed training; the folder is that of the run that goes on.
#[test]
fn a_training_begins_with_a_clean_folder() {
    let data = tempfile::tempdir().expect("a folder");
    shapes::draw(data.path(), 5, 4, 2);
    let weights = data.path().join("exp/weights");
    fs::create_dir_all(&weights).expect("a folder");
    fs::write(weights.join(".last.state.safetensors.Left00.yolo-tmp"), "x").expect("a file");
    let mut command = yolo();
    command.args(["train", "--cfg", "models/yolov5n.yaml", "--imgsz", "32", "--epochs", "1", "--nosave"]);
    command.arg("--data").arg(data.path()).arg("--project").arg(data.path()).arg("--exist-ok");
    run(&mut command);
    let left = names(&weights);
    let whole = left.iter().all(|name| name.ends_with(".safetensors"));
    assert!(whole && left.contains(&"last.safetensors".into()), "{left:?}");
}

#[test]
fn folders_are_numbered_past_those_that_are_there() {
    let project = tempfile::tempdir().expect("a folder");
    for name in ["exp", "exp2", "exp4", "exp05", "exp1", "other3"] {
        fs::create_dir(project.path().join(name)).expect("a folder");
    }
    fs::write(project.path().join("exp3"), "a file in the way").expect("a file");
    for want in ["exp5", "exp6"] {
        let mut command = yolo();
        command.args([
            "detect",
            "--weights",
            "weights/bccd-yolov5n.safetensors",
            "--imgsz",
            "32",
            "--nosave",
        ]);
        command.args(["--save-txt", "--source", "tests/data/photos/coffee.png", "--conf-thres", "0.001"]);
        run(command.arg("--project").arg(project.path()));
        assert!(project.path().join(want).is_dir(), "{:?}", names(project.path()));
    }
}
