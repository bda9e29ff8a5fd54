//! Which blocks stand in a line each, and which are drawn as one.

use super::layers::Block;
use super::map::Map;
use crate::board::draw::scene;

/// With more rows than this, neighbours become one even where they are of several kinds.
const MOST_ROWS: usize = 60;
/// How many of them at most, and how large a hole may be between them.
const BULK: usize = 64;
const FAR: u64 = 1 << 30;

/// What stands in a line of the map: a block, or neighbours that are drawn as one.
pub(super) type Row = Vec<Block>;

/// Neighbours of a kind become one row; of a large map, neighbours of several kinds too.
pub(super) fn rows(map: &Map<'_>, blocks: &[Block]) -> Vec<Row> {
    let alike = |a: &Block, b: &Block| map.key(a).is_some_and(|key| Some(key) == map.key(b));
    let runs = blocks.chunk_by(alike);
    let rows: Vec<Row> = runs
        .flat_map(|run| match run.len() < scene::MANY {
            true => run.iter().map(|block| vec![block.clone()]).collect(),
            false => vec![run.to_vec()],
        })
        .collect();
    if rows.len() <= MOST_ROWS {
        return rows;
    }
    let loose = |row: &Row| row.len() == 1 && map.is_loose(&row[0]);
    let near = |a: &Row, b: &Row| ends(b).0 - ends(a).1 <= FAR;
    let runs = rows.chunk_by(|a, b| loose(a) && loose(b) && near(a, b));
    let runs = runs.flat_map(|run| run.chunks(BULK));
    runs.flat_map(|run| if run.len() < scene::MANY { run.to_vec() } else { vec![run.concat()] })
        .collect()
}

/// The first and the last address of a row.
pub(super) fn ends(row: &Row) -> (u64, u64) {
    (row.first().map_or(0, Block::first), row.last().map_or(0, Block::last))
}
