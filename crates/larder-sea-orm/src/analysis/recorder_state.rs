//! What a [`Recorder`](super::recorder::Recorder) knows so far: the statements it is inside of, and their blocks.

use sea_orm::DbBackend;

use super::frame::{Frame, FrameKind};
use super::recorder::Capture;
use super::{Analysis, Block, Join, Mention, Name, RelationName, Role, Source};

/// What is known so far.
pub(super) struct State {
    pub(super) analysis: Analysis,
    pub(super) frames: Vec<Frame>,
    /// The CTEs that can be seen here.
    pub(super) ctes: Vec<Name>,
    /// So far it is one SELECT of one table, nothing inside.
    pub(super) plain: bool,
    /// A table was read that stands in no block.
    pub(super) coarse: bool,
    pub(super) capture: Option<Capture>,
    /// The next SELECT stands in a FROM.
    pub(super) from_next: bool,
    /// The SELECTs in a FROM that give a row for each row they read.
    pub(super) row_by_row: Vec<usize>,
}

impl State {
    pub(super) fn open(&mut self, kind: FrameKind) {
        let mut frame = Frame::new(kind, self.ctes.len());
        if kind == FrameKind::Select && !self.coarse {
            let outer = self.frames.iter().rev().find_map(|frame| frame.block);
            frame.block = Some(self.analysis.blocks.len());
            frame.rows_told = self.frames.is_empty();
            frame.in_from = std::mem::take(&mut self.from_next);
            self.analysis.blocks.push(Block::inside(outer));
        }
        self.frames.push(frame);
    }

    pub(super) fn close(&mut self, backend: DbBackend) {
        let Some(frame) = self.frames.pop() else {
            return;
        };
        self.ctes.truncate(frame.outer_ctes);
        match frame.kind {
            FrameKind::Select => self.close_select(frame, backend),
            FrameKind::With => {}
            _ => {
                let inside = !self.frames.is_empty();
                let write = frame
                    .write(backend)
                    .map(|write| if inside { write.inside() } else { write });
                self.analysis.writes.extend(write);
            }
        }
    }

    fn close_select(&mut self, frame: Frame, backend: DbBackend) {
        if self.plain && self.frames.is_empty() && frame.table.is_some() && !frame.joined {
            self.analysis.pins = Some(frame.pins(backend));
        }
        if let Some(block) = frame.block.and_then(|at| self.analysis.blocks.get_mut(at)) {
            block.rows_told = frame.rows_told;
            block.atoms = frame.equalities.atoms;
            block.links = frame.equalities.links;
            block.checks = frame.equalities.checks;
            if frame.in_from && frame.row_by_row {
                self.row_by_row.extend(frame.block);
            }
        }
    }

    /// Returns the innermost statement and its block, if it has one.
    pub(super) fn frame_and_block(&mut self) -> Option<(&mut Frame, &mut Block)> {
        let frame = self.frames.last_mut()?;
        let block = self.analysis.blocks.get_mut(frame.block?)?;
        Some((frame, block))
    }

    /// Puts a piece of raw SQL into the innermost SELECT; it gives `columns` columns of a select list.
    pub(super) fn put_in(&mut self, piece: &Block, columns: Option<usize>, ordinal: bool) {
        let Some((frame, block)) = self.frame_and_block() else {
            return;
        };
        let role = match frame.role {
            Some(Role::Output(_)) => Role::Selected,
            role => role.unwrap_or(Role::Order),
        };
        block
            .mentions
            .extend(piece.mentions.iter().map(|mention| Mention {
                role,
                ..mention.clone()
            }));
        block.aliases.extend(piece.aliases.iter().cloned());
        block.opaque |= piece.opaque || (ordinal && piece.mentions.is_empty());
        let combines = !piece.rows_told;
        if role == Role::Selected && columns != Some(1) {
            // Columns that follow stand at places that are not known.
            frame.output = None;
        }
        if combines {
            let frames = self.frames.iter_mut();
            frames.for_each(Frame::puts_together);
        }
    }

    pub(super) fn opaque_block(&mut self) {
        if let Some((_, block)) = self.frame_and_block() {
            block.opaque = true;
        }
    }

    pub(super) fn source(&mut self, relation: Option<RelationName>, alias: Option<Name>) {
        let Some((frame, block)) = self.frame_and_block() else {
            return;
        };
        let join = std::mem::replace(&mut frame.join, Join::Inner);
        block.sources.push(Source {
            relation,
            alias,
            join,
        });
    }

    pub(super) fn table(&mut self, name: RelationName, alias: Option<Name>, backend: DbBackend) {
        let cte = name.schema.is_none() && {
            let folded = name.name.folded(backend);
            self.ctes.iter().any(|cte| cte.folded(backend) == folded)
        };
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let is_target = frame.is_write() && frame.table.is_none();
        frame.selected |= !is_target;
        // What a statement writes is a table, even when a CTE has its name.
        if !is_target {
            if cte {
                self.plain = false;
                frame.joined = true;
                let own = alias.unwrap_or(name.name);
                return self.source(None, Some(own));
            }
            self.coarse |= frame.block.is_none();
            self.analysis.reads.push(name.clone());
            self.source(Some(name.clone()), alias.clone());
        }
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        if frame.table.is_none() {
            frame.table = Some(name);
            frame.alias = alias;
        } else {
            frame.joined = true;
        }
    }
}
