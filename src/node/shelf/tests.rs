use super::*;
use crate::core::random::{Random, fixed::Fixed};
use proptest::prelude::*;

fn cell(top: u16, fill: u8) -> Vec<u8> {
    let mut cell = vec![fill; CELL];
    cell[..2].copy_from_slice(&(top << 4 | u16::from(fill & 15)).to_be_bytes());
    cell
}

fn shelf() -> (tempfile::TempDir, Shelf) {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let shelf = Shelf::create(&dir.path().join("bucket")).unwrap();
    (dir, shelf)
}

fn put(shelf: &mut Shelf, cells: Vec<u8>) -> usize {
    let batch = Batch::new(cells).unwrap();
    let missing = shelf.missing(&batch);
    shelf.append(&batch, &missing).unwrap();
    missing.len()
}

fn close(dir: &tempfile::TempDir, shelf: &mut Shelf, room: bool) {
    let (new, own) = (dir.path().join("new"), dir.path().join("bucket"));
    shelf.close(room.then_some((&new, &own))).unwrap();
}

fn all(selection: &Selection) -> Vec<u8> {
    let mut out = vec![0; selection.bytes() as usize];
    selection.read(0, &mut out).unwrap();
    out
}

#[test]
fn no_batch_of_broken_cells() {
    assert!(Batch::new(Vec::new()).is_none());
    assert!(Batch::new(vec![0; CELL + 1]).is_none());
}

#[test]
fn identical_cells_are_kept_once() {
    let (_dir, mut shelf) = shelf();
    assert_eq!(put(&mut shelf, [cell(1, 1), cell(1, 1), cell(2, 2)].concat()), 2);
    assert_eq!(put(&mut shelf, [cell(3, 3), cell(2, 2)].concat()), 1);
    assert_eq!(all(&shelf.select(Prefix::default())).len(), 3 * CELL);
}

#[test]
fn what_was_not_committed_is_cut_off() {
    let (dir, mut shelf) = shelf();
    put(&mut shelf, cell(1, 1));
    let end = HEAD + CELL as u64;
    shelf.file.write_all_at(&[9; CELL * 2 + 77], end).unwrap();
    drop(shelf);
    let path = dir.path().join("bucket");
    let mut again = Shelf::open(&path).unwrap().unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().len(), end);
    assert_eq!(all(&again.select(Prefix::default())), cell(1, 1));
    assert_eq!(put(&mut again, cell(1, 1)), 0, "digests are learnt again");
}

#[test]
fn foreign_and_unfinished_files() {
    let dir = tempfile::tempdir_in("/dev/shm").unwrap();
    let path = dir.path().join("bucket");
    std::fs::write(&path, [7; 100]).unwrap();
    assert!(Shelf::open(&path).unwrap().is_none());
    std::fs::write(&path, [7; 2 * CELL]).unwrap();
    assert!(Shelf::open(&path).is_err());
    let mut head = [0; CELL];
    head[..16].copy_from_slice(&MAGIC);
    head[16..24].copy_from_slice(&u64::MAX.to_be_bytes());
    std::fs::write(&path, head).unwrap();
    assert!(Shelf::open(&path).is_err(), "count over the length");
}

#[test]
fn a_wiped_bucket_cannot_be_read_on() {
    let (dir, mut shelf) = shelf();
    put(&mut shelf, [cell(2, 2), cell(1, 1)].concat());
    let (open, twice) = (shelf.select(Prefix::default()), shelf.bytes());
    close(&dir, &mut shelf, true);
    let closed = shelf.select(Prefix::default());
    assert!(closed.run().is_some() && shelf.freed(false) == 0);
    assert_eq!(all(&open), [cell(2, 2), cell(1, 1)].concat(), "also that is still there");
    assert_eq!(shelf.wipe().unwrap(), 2 * CELL as u64 + twice);
    for selection in [open, closed] {
        let error = selection.read(0, &mut [0; 10]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
    assert_eq!(shelf.freed(false), 0, "it is wiped once");
}

#[test]
fn room_for_sorting_is_given_back_once() {
    let (dir, mut shelf) = shelf();
    put(&mut shelf, [cell(2, 2), cell(1, 1)].concat());
    let open = shelf.select(Prefix::default());
    close(&dir, &mut shelf, true);
    assert_eq!(shelf.freed(false), 0);
    drop(open);
    assert_eq!((shelf.freed(false), shelf.freed(false)), (3 * CELL as u64, 0));
    let mut again = Shelf::open(&dir.path().join("bucket")).unwrap().unwrap();
    close(&dir, &mut again, true);
    assert_eq!(again.freed(false), 3 * CELL as u64, "it was in order");
    assert!(!dir.path().join("new").exists());
}

#[test]
fn a_former_file_that_is_given_up_is_read_no_more() {
    let (dir, mut shelf) = shelf();
    put(&mut shelf, [cell(2, 2), cell(1, 1)].concat());
    let open = shelf.select(Prefix::default());
    close(&dir, &mut shelf, true);
    assert_eq!((shelf.freed(false), shelf.freed(true)), (0, 3 * CELL as u64), "it is still read");
    let error = open.read(0, &mut [0; 10]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    assert_eq!(shelf.freed(true), 0, "once");
    assert_eq!(all(&shelf.select(Prefix::default())), [cell(1, 1), cell(2, 2)].concat());
    assert_eq!(shelf.wipe().unwrap(), 2 * CELL as u64);
}

#[test]
fn one_destination_is_sorted_by_the_rest() {
    let (_dir, mut shelf) = shelf();
    let mut cells = Vec::new();
    for (at, byte) in [(CELL - 1, 5), (CELL - 1, 1), (20, 9), (1000, 3), (79, 9), (80, 9)] {
        let mut cell = cell(7, 0);
        cell[at] = byte;
        cells.push(cell);
    }
    put(&mut shelf, cells.concat());
    shelf.close(None).unwrap();
    cells.sort();
    assert_eq!(all(&shelf.select(Prefix::default())), cells.concat());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_prefix_is_what_a_naive_filter_finds(
        seed: u64,
        tops in prop::collection::vec(prop_oneof![Just(0x4bcu16), 0x4b0u16..0x4c0, 0u16..0x1000], 0..60),
        prefix in "[0-9a-f]{0,3}|4b|4bc|4",
        cut in (0.0..1.0, 0.0..1.0),
        room: bool,
    ) {
        let (dir, mut shelf) = shelf();
        let mut rng = Fixed::new(seed);
        let mut cells: Vec<Vec<u8>> = Vec::new();
        for top in &tops {
            let mut bytes = vec![0; CELL];
            rng.fill(&mut bytes);
            let first = top << 4 | u16::from(bytes[1] & 15);
            bytes[..2].copy_from_slice(&first.to_be_bytes());
            cells.push(bytes);
        }
        for batch in cells.chunks(7) {
            put(&mut shelf, batch.concat());
        }
        let prefix: Prefix = prefix.parse().unwrap();
        let wanted = |cells: &[Vec<u8>]| -> Vec<u8> {
            cells.iter().filter(|c| prefix.matches(c)).flatten().copied().collect()
        };
        prop_assert_eq!(all(&shelf.select(prefix)), wanted(&cells));
        close(&dir, &mut shelf, room);
        cells.sort();
        let whole = wanted(&cells);
        let selection = shelf.select(prefix);
        prop_assert_eq!(&all(&selection), &whole);
        let from = (whole.len() as f64 * cut.0) as usize;
        let to = from + ((whole.len() - from) as f64 * cut.1) as usize;
        let mut part = vec![0; to - from];
        selection.read(from as u64, &mut part).unwrap();
        prop_assert_eq!(&part[..], &whole[from..to]);
    }
}
