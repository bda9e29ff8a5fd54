//! `qapi/lint.json`.

use qapi_runtime::QmpError;

use crate::board::lint;
use crate::door::Door;
use crate::qapi::{BoardLintUnwaive, LintCommands, LintFinding, LintWaiver, QueryBoardLint};

impl LintCommands for Door {
    fn query_board_lint(
        &mut self,
        arguments: QueryBoardLint,
    ) -> Result<Vec<LintFinding>, QmpError> {
        let board = self.stage.board()?;
        let QueryBoardLint { rules, severity, waived } = arguments;
        let wanted = |finding: &lint::Finding| {
            rules.as_ref().is_none_or(|rules| rules.contains(&finding.rule.id))
                && severity.is_none_or(|least| finding.rule.severity as u32 <= least as u32)
                && (finding.waived.is_none() || waived.unwrap_or(false))
        };
        let findings = lint::run(board, Some(&self.host));
        Ok(findings.iter().filter(|f| wanted(f)).map(|finding| finding.told(board)).collect())
    }

    fn board_lint_waive(&mut self, arguments: LintWaiver) -> Result<(), QmpError> {
        self.edit(|board| board.waive(&arguments))
    }

    fn board_lint_unwaive(&mut self, arguments: BoardLintUnwaive) -> Result<(), QmpError> {
        self.edit(|board| board.unwaive(&arguments))
    }
}
