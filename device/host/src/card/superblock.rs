//! Which file system a medium has, from its first bytes. Nothing of it is trusted further than a name.

/// How many bytes are looked at.
pub(super) const HEAD: usize = 2048;

/// What the first bytes say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The only one that is used: its journal survives a pulled card and a power cut.
    Ext4 {
        /// The kernel met errors and noted them.
        errors: bool,
    },
    /// Another one, by its name.
    Other(&'static str),
    /// None that is known.
    Nothing,
}

/// Looks at the first [`HEAD`] bytes of a medium; fewer are fine.
pub(super) fn look(head: &[u8]) -> Found {
    let at = |from: usize, text: &[u8]| head.get(from..from + text.len()) == Some(text);
    // Layout of the superblock: linux/fs/ext4/ext4.h, s_magic and s_state.
    if at(1024 + 0x38, &[0x53, 0xEF]) {
        let state = head.get(1024 + 0x3A).copied().unwrap_or_default();
        return Found::Ext4 {
            errors: state & 2 != 0,
        };
    }
    let others: [(usize, &[u8], &str); 7] = [
        (3, b"EXFAT   ", "exFAT"),
        (3, b"NTFS    ", "NTFS"),
        (82, b"FAT32", "FAT32"),
        (54, b"FAT16", "FAT16"),
        (54, b"FAT12", "FAT12"),
        (0, b"XFSB", "XFS"),
        (1024, &[0x10, 0x20, 0xF5, 0xF2], "F2FS"),
    ];
    let found = others.into_iter().find(|(from, text, _)| at(*from, text));
    found.map_or(Found::Nothing, |(_, _, name)| Found::Other(name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn file_systems_are_told_by_their_first_bytes() {
        let with = |from: usize, text: &[u8]| {
            let mut head = vec![0; HEAD];
            head[from..from + text.len()].copy_from_slice(text);
            look(&head)
        };
        assert_eq!(look(&[0; HEAD]), Found::Nothing);
        assert_eq!(look(&[]), Found::Nothing);
        let clean = with(1080, &[0x53, 0xEF, 1, 0]);
        assert_eq!(clean, Found::Ext4 { errors: false });
        let bad = with(1080, &[0x53, 0xEF, 2, 0]);
        assert_eq!(bad, Found::Ext4 { errors: true });
        assert_eq!(with(3, b"EXFAT   "), Found::Other("exFAT"));
        assert_eq!(with(82, b"FAT32   "), Found::Other("FAT32"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_looked_at(head in proptest::collection::vec(any::<u8>(), 0..HEAD)) {
            let _ = look(&head);
        }
    }
}
