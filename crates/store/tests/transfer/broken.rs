//! Files that are not as they were written.

use boxwood_store::transfer;
use boxwood_testkit::Random;
use sha2::{Digest as _, Sha256};

use super::{Folder, export, history, import, lived};

#[test]
fn a_file_that_ends_early_is_refused_and_nothing_is_kept() {
    let (world, moved) = history(41);
    let (old, new) = (lived(&world, moved), Folder::new());
    let file = export(&old.place());
    let mut random = Random::seeded(41);
    let ends = (0..20).map(|_| random.place(file.len())).chain([file.len() - 1, 30, 33]);
    for end in ends {
        let refusal = import(&new.place(), &file[..end]).unwrap_err().to_string();
        let looked_at = transfer::check(&mut &file[..end], &mut |_| true).unwrap_err().to_string();
        assert_eq!(refusal, format!("{looked_at}; nothing was imported"));
        assert!(refusal.contains("damaged") || refusal.contains("not a file"), "cut after {end}: {refusal}");
        assert_eq!(new.names(), [""; 0], "cut after {end}");
    }
    let longer = [&file[..], b"x"].concat();
    assert!(import(&new.place(), &longer).unwrap_err().to_string().contains("more follows"));
    import(&new.place(), &file).unwrap();
}

/// A few bits of a compressed block say nothing.
#[test]
fn another_bit_in_a_file_is_noticed_or_makes_no_difference() {
    let (world, moved) = history(42);
    let (old, mut new) = (lived(&world, moved), Folder::new());
    let file = export(&old.place());
    let mut random = Random::seeded(42);
    let mut noticed = 0;
    for _ in 0..40 {
        let (place, bit) = (random.place(file.len()), random.place(8));
        let mut other = file.clone();
        other[place] ^= 1 << bit;
        if import(&new.place(), &other).is_ok() {
            assert!(export(&new.place()) == file, "bit {bit} of byte {place}");
            new = Folder::new();
        } else {
            noticed += 1;
            assert_eq!(new.names(), [""; 0], "bit {bit} of byte {place}");
        }
    }
    assert!(noticed > 30, "{noticed}");
}

/// The blocks of a file, unpacked.
fn blocks(file: &[u8]) -> Vec<Vec<u8>> {
    let start = file.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let (mut rest, mut blocks) = (&file[start..], Vec::new());
    while !rest.is_empty() {
        let [length, packed] = [0, 4].map(|at| u32::from_le_bytes(rest[at..at + 4].try_into().unwrap()) as usize);
        blocks.push(zstd::bulk::decompress(&rest[8..8 + packed], length).unwrap());
        rest = &rest[8 + packed..];
    }
    blocks
}

fn packed(blocks: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"boxwood export, format 1\n".to_vec();
    for block in blocks {
        let packed = zstd::bulk::compress(block, 1).unwrap();
        for length in [block.len(), packed.len()] {
            file.extend((length as u32).to_le_bytes());
        }
        file.extend(packed);
    }
    file
}

/// Spoils some bytes of some blocks.
fn spoil(blocks: &mut [Vec<u8>], random: &mut Random) {
    for _ in 0..=random.place(3) {
        let place = random.place(blocks.len());
        let block = &mut blocks[place];
        let at = random.place(block.len());
        match random.place(4) {
            0 => block[at] = random.below(256) as u8,
            1 => block[at] ^= 0x80,
            2 => block.truncate(at.max(1)),
            _ => block.insert(at, 0xff),
        }
    }
}

#[test]
fn rows_that_make_no_sense_are_refused_without_a_panic() {
    let (world, moved) = history(43);
    let old = lived(&world, moved);
    let whole = blocks(&export(&old.place()));
    let mut random = Random::seeded(43);
    for _ in 0..60 {
        let mut blocks = whole.clone();
        spoil(&mut blocks, &mut random);
        if blocks == whole {
            continue;
        }
        let new = Folder::new();
        // The rows may have become others that are as good, but then they are not those whose sums are in the file.
        let file = packed(&blocks);
        assert!(import(&new.place(), &file).is_err() && transfer::check(&mut &file[..], &mut |_| true).is_err());
        assert_eq!(new.names(), [""; 0]);
    }
}

/// The last block with the digests that belong to the others.
fn with_digests(blocks: &mut [Vec<u8>]) {
    let (end, others) = blocks.split_last_mut().unwrap();
    let mut at = 2;
    for _ in 0..end[1] {
        let table = end[at];
        let mut sum = Sha256::new();
        for block in others.iter().filter(|block| block[0] == table) {
            sum.update(&block[1..]);
        }
        at += 1;
        while end[at] & 0x80 != 0 {
            at += 1;
        }
        end[at + 1..at + 33].copy_from_slice(&sum.finalize());
        at += 33;
    }
}

/// Whoever makes such a file on purpose may get it past the sums; what is asked then must not end the program.
#[test]
fn rows_that_contradict_each_other_cause_no_panic() {
    let (world, moved) = history(44);
    let old = lived(&world, moved);
    let whole = blocks(&export(&old.place()));
    let mut random = Random::seeded(44);
    let mut taken = 0;
    for _ in 0..60 {
        let mut blocks = whole.clone();
        let (_, tables) = blocks.split_last_mut().unwrap();
        let place = random.place(tables.len());
        let at = 1 + random.place(tables[place].len() - 1);
        tables[place][at] = tables[place][at].wrapping_add(random.below(4) as u8);
        with_digests(&mut blocks);
        taken += u64::from(import(&Folder::new().place(), &packed(&blocks)).is_ok());
    }
    assert!(taken > 0, "not one got past the sums");
}
