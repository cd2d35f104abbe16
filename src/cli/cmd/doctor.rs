//! `poste doctor`: what could keep letters from coming and going, a line for each look, and for what
//! is not well a second one that can be typed. The worst failure is the exit status.
//! Specified in poste(1), doctor.

use crate::cli::Run;
use crate::cli::ui::{Done, Stop, Ui};
use crate::client::doctor::{self, Check};

/// Looks at everything; `before` is what was found before the home could be used.
pub fn run(run: &mut Run<'_, '_>, before: Vec<Check>, offline: bool) -> Done {
    let mut checks = before;
    checks.extend(doctor::examine(run.env, !offline));
    checks.extend(doctor::left_texts(run.env, run.editor.runtime_dir.as_deref()));
    tell(run.ui, &checks)
}

/// Says what was found.
pub fn tell(ui: &Ui, checks: &[Check]) -> Done {
    if ui.json() {
        ui.value(&checks)?;
    } else {
        for check in checks {
            ui.line(&format!("{:<4}  {:<9}  {}", check.level.word(), check.name, check.finding))?;
            if let Some(fix) = &check.fix {
                ui.line(&format!("{:17}{}", "", ui.typed(fix)))?;
            }
        }
    }
    match doctor::worst(checks) {
        Some(kind) => Err(Stop::Silent(kind)),
        None => Ok(()),
    }
}
