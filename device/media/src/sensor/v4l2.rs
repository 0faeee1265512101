//! Controls of a V4L2 device by plain ioctls.
//!
//! Four of them, each with one structure that has no pointers in it: `VIDIOC_QUERY_EXT_CTRL`, `VIDIOC_QUERYMENU`,
//! `VIDIOC_G_CTRL` and `VIDIOC_S_CTRL`; the last two take every control that is used here.
#![allow(unsafe_code)]

use std::fs::File;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::ioctl::{Opcode, Updater, ioctl, opcode};

use super::{ControlInfo, SensorControls};
use crate::{Error, Result};

/// `struct v4l2_query_ext_ctrl`.
#[repr(C)]
#[derive(Clone)]
struct QueryExtCtrl {
    id: u32,
    kind: u32,
    name: [u8; 32],
    minimum: i64,
    maximum: i64,
    step: u64,
    default_value: i64,
    flags: u32,
    elem_size: u32,
    elems: u32,
    nr_of_dims: u32,
    dims: [u32; 4],
    reserved: [u32; 32],
}

/// `struct v4l2_querymenu`.
#[repr(C, packed)]
struct QueryMenu {
    id: u32,
    index: u32,
    name: [u8; 32],
    reserved: u32,
}

/// `struct v4l2_control`.
#[repr(C)]
struct Control {
    id: u32,
    value: i32,
}

const GROUP: u8 = b'V';
const G_CTRL: Opcode = opcode::read_write::<Control>(GROUP, 27);
const S_CTRL: Opcode = opcode::read_write::<Control>(GROUP, 28);
const QUERYMENU: Opcode = opcode::read_write::<QueryMenu>(GROUP, 37);
const QUERY_EXT_CTRL: Opcode = opcode::read_write::<QueryExtCtrl>(GROUP, 103);

const TYPE_INTEGER: u32 = 1;
const TYPE_BOOLEAN: u32 = 2;
const TYPE_MENU: u32 = 3;
const FLAG_DISABLED: u32 = 0x1;
const FLAG_READ_ONLY: u32 = 0x4;
const NEXT_CTRL: u32 = 0x8000_0000;

/// Most controls and menu items that are asked for: a driver that never ends is cut.
const MOST_CONTROLS: usize = 512;
const MOST_ITEMS: i64 = 64;

/// The controls of a device node, beside whoever reads its pictures.
pub struct V4l2Controls {
    device: File,
}

impl V4l2Controls {
    /// Opens a device for its controls.
    ///
    /// # Errors
    /// [`Error::Source`] with path and reason.
    pub fn open(path: &Path) -> Result<Self> {
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let device = rustix::fs::open(path, flags, rustix::fs::Mode::empty())
            .map_err(|e| Error::Source(format!("controls of {}: {e}", path.display())))?;
        Ok(Self {
            device: File::from(device),
        })
    }

    fn call<const OPCODE: Opcode, T>(&self, value: &mut T) -> std::result::Result<(), Errno> {
        // SAFETY: each opcode above is made of the very structure that is passed with it, all of whose bytes are
        // initialised and may have any value; the kernel reads and writes `size_of::<T>()` bytes and keeps no pointer.
        unsafe { ioctl(&self.device, Updater::<OPCODE, T>::new(value)) }
    }

    fn items(&self, info: &ControlInfo) -> Vec<i64> {
        let (least, most) = (*info.range.start(), *info.range.end());
        (least..=most.min(least.saturating_add(MOST_ITEMS)))
            .filter(|index| {
                let Ok(index) = u32::try_from(*index) else {
                    return false;
                };
                let mut menu = QueryMenu {
                    id: info.id,
                    index,
                    name: [0; 32],
                    reserved: 0,
                };
                self.call::<QUERYMENU, _>(&mut menu).is_ok()
            })
            .collect()
    }
}

/// A control that can be written, of a kind that has one number.
fn info(query: &QueryExtCtrl) -> Option<ControlInfo> {
    let number = matches!(query.kind, TYPE_INTEGER | TYPE_BOOLEAN | TYPE_MENU);
    let writable = query.flags & (FLAG_DISABLED | FLAG_READ_ONLY) == 0;
    // Numbers of 32 bits are what G_CTRL and S_CTRL take.
    let small = |n: i64| i32::try_from(n).is_ok();
    let sane = query.minimum <= query.maximum && small(query.minimum) && small(query.maximum);
    if !number || !writable || !sane || query.nr_of_dims > 0 {
        return None;
    }
    let end = query.name.iter().position(|c| *c == 0).unwrap_or(32);
    Some(ControlInfo {
        id: query.id,
        name: String::from_utf8_lossy(&query.name[..end]).into_owned(),
        range: query.minimum..=query.maximum,
        step: i64::try_from(query.step).unwrap_or(1).max(1),
        default: query.default_value.clamp(query.minimum, query.maximum),
        items: (query.kind == TYPE_MENU).then(Vec::new),
    })
}

fn refused(what: &str, id: u32, e: Errno) -> Error {
    Error::Source(format!("control {id:#x} cannot be {what}: {e}"))
}

impl SensorControls for V4l2Controls {
    fn list(&mut self) -> Result<Vec<ControlInfo>> {
        let mut found = Vec::new();
        let mut last = 0;
        for _ in 0..MOST_CONTROLS {
            let mut query = QueryExtCtrl {
                id: last | NEXT_CTRL,
                kind: 0,
                name: [0; 32],
                minimum: 0,
                maximum: 0,
                step: 0,
                default_value: 0,
                flags: 0,
                elem_size: 0,
                elems: 0,
                nr_of_dims: 0,
                dims: [0; 4],
                reserved: [0; 32],
            };
            match self.call::<QUERY_EXT_CTRL, _>(&mut query) {
                Ok(()) => {}
                // The end, or a device without any control.
                Err(Errno::INVAL | Errno::NOTTY) => break,
                Err(e) => return Err(refused("asked for", last, e)),
            }
            if query.id <= last {
                break;
            }
            last = query.id;
            if let Some(mut info) = info(&query) {
                if info.items.is_some() {
                    info.items = Some(self.items(&info));
                }
                found.push(info);
            }
        }
        Ok(found)
    }

    fn get(&mut self, id: u32) -> Result<i64> {
        let mut control = Control { id, value: 0 };
        self.call::<G_CTRL, _>(&mut control)
            .map_err(|e| refused("read", id, e))?;
        Ok(control.value.into())
    }

    fn set(&mut self, id: u32, value: i64) -> Result<()> {
        let narrow = i32::try_from(value)
            .map_err(|e| Error::Source(format!("control {id:#x} cannot be {value}: {e}")))?;
        let mut control = Control { id, value: narrow };
        self.call::<S_CTRL, _>(&mut control)
            .map_err(|e| refused(&format!("set to {value}"), id, e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query() -> QueryExtCtrl {
        let mut name = [0; 32];
        name[..4].copy_from_slice(b"Gain");
        QueryExtCtrl {
            id: 0x0098_0913,
            kind: TYPE_INTEGER,
            name,
            minimum: 0,
            maximum: 255,
            step: 0,
            default_value: 300,
            flags: 0x10,
            elem_size: 4,
            elems: 1,
            nr_of_dims: 0,
            dims: [0; 4],
            reserved: [0; 32],
        }
    }

    /// The kernel's numbers are made of direction, size, group and number: `_IOWR('V', 103, struct
    /// v4l2_query_ext_ctrl)` and so on, as <linux/videodev2.h> has them.
    #[test]
    fn opcodes_are_those_of_the_kernel() {
        let number = |op: Opcode| op as u64 & 0xffff_ffff;
        assert_eq!(number(G_CTRL), 0xc008_561b);
        assert_eq!(number(S_CTRL), 0xc008_561c);
        assert_eq!(number(QUERYMENU), 0xc02c_5625);
        assert_eq!(number(QUERY_EXT_CTRL), 0xc0e8_5667);
    }

    #[test]
    fn a_control_is_what_its_driver_says() {
        let found = info(&query()).unwrap();
        assert_eq!(
            (found.name.as_str(), found.range.clone()),
            ("Gain", 0..=255)
        );
        assert_eq!((found.step, found.default), (1, 255), "nonsense is bounded");
        let with = |change: fn(&mut QueryExtCtrl)| {
            let mut q = query();
            change(&mut q);
            info(&q)
        };
        let menu = with(|q| q.kind = TYPE_MENU).unwrap();
        assert_eq!(menu.items, Some(Vec::new()));
        for (what, none) in [
            ("a button", with(|q| q.kind = 4)),
            ("64 bits", with(|q| q.maximum = 1 << 40)),
            ("read only", with(|q| q.flags = FLAG_READ_ONLY)),
            ("disabled", with(|q| q.flags = FLAG_DISABLED)),
            ("an array", with(|q| q.nr_of_dims = 1)),
            ("no range", with(|q| q.minimum = 256)),
        ] {
            assert_eq!(none, None, "{what}");
        }
        let unnamed = with(|q| q.name = [0xff; 32]).unwrap();
        assert_eq!(unnamed.name.chars().count(), 32);
    }

    /// What is no V4L2 device has no controls, or says why it cannot be asked.
    #[test]
    fn other_files_are_refused_in_words() {
        let mut null = V4l2Controls::open(Path::new("/dev/null")).unwrap();
        assert_eq!(null.list().unwrap(), []);
        let error = null.set(0x0098_0913, 3).unwrap_err().to_string();
        assert!(
            error.contains("control 0x980913 cannot be set to 3"),
            "{error}"
        );
        assert!(null.get(0x0098_0913).is_err());
        assert!(V4l2Controls::open(Path::new("/dev/no-such")).is_err());
    }
}
