use parking_lot::Mutex;

use crate::{
    Error, Result,
    ports::{Supplicant, SupplicantPlan, SupplicantState},
};

/// A supplicant that every switch admits at once; also `--host simulated`.
#[derive(Debug, Default)]
pub struct SimulatedSupplicant {
    plan: Mutex<Option<SupplicantPlan>>,
    refusal: Mutex<Option<String>>,
    fixed: Mutex<Option<String>>,
}

impl SimulatedSupplicant {
    /// Refuses changes from now on.
    pub fn fix(&self, why: &str) {
        *self.fixed.lock() = Some(why.to_owned());
    }

    /// No switch admits the unit from now on, or every one does again.
    pub fn refuse(&self, why: Option<&str>) {
        *self.refusal.lock() = why.map(str::to_owned);
    }

    /// What it answers by.
    pub fn plan(&self) -> Option<SupplicantPlan> {
        self.plan.lock().clone()
    }
}

impl Supplicant for SimulatedSupplicant {
    fn changeable(&self) -> Result<()> {
        match self.fixed.lock().clone() {
            Some(why) => Err(Error::Unsupported(why)),
            None => Ok(()),
        }
    }

    fn apply(&self, plan: Option<&SupplicantPlan>) -> Result<()> {
        if plan.is_some() {
            self.changeable()?;
        }
        *self.plan.lock() = plan.cloned();
        Ok(())
    }

    fn state(&self) -> SupplicantState {
        match (&*self.plan.lock(), self.refusal.lock().clone()) {
            (None, _) => SupplicantState::Off,
            (Some(_), None) => SupplicantState::Authenticated,
            (Some(_), Some(why)) => SupplicantState::Failed(why),
        }
    }
}
