//! One round of keeping both sides in step: look at them, plan, and do: first what is new in the view,
//! then changed texts, then places and flags, and deletions last, so that at every moment one side
//! holds whatever is not to be lost. Each change of the tree is made by the tree's own functions under
//! the state lock, and written down after.

use super::plan::{Step, steps};
use super::{Before, View, open};
use crate::client::env::Env;
use crate::client::error::{Error, Kind};
use crate::client::quarantine;
use crate::store::maildir::{Entry, Folder, Name, Place};
use crate::store::view::{Known, Spot, Stamp, ViewFile, of_tree};
use std::collections::{BTreeSet, HashMap, HashSet};

/// What is to be done.
#[derive(Default)]
struct Work {
    opens: Vec<Entry>,
    takes: Vec<ViewFile>,
    agrees: Vec<(String, Name, ViewFile)>,
    compares: Vec<(String, Entry, ViewFile)>,
    edits: Vec<(String, Entry, ViewFile)>,
    to_tree: Vec<(String, Entry, Spot)>,
    to_view: Vec<(String, ViewFile, Spot)>,
    drop_view: Vec<(String, ViewFile)>,
    drop_tree: Vec<(String, Entry)>,
    forgets: Vec<String>,
    renews: Vec<(String, Entry, ViewFile)>,
}

impl View {
    /// Makes both sides agree, as far as what is seen has settled. Says whether to look again soon.
    pub fn round(&mut self, env: &mut Env<'_>) -> Result<bool, Error> {
        if !self.dir.is_whole() {
            let what = format!("the view at {} was removed by somebody", self.root().display());
            return Err(Error::new(Kind::Io, what + "; nothing in the tree was deleted for that"));
        }
        let (folders, addresses) = self.look(env)?;
        // The view first: what is filed in between is then found in the tree, not missed there.
        let files = self.dir.list()?;
        self.mend_folders(&folders, &files)?;
        self.learn_names(addresses, &files);
        let tree = self.tree(env)?;
        let (view, new) = self.sort(files, &tree)?;
        let mut again = false;
        let mut work = self.plan(&tree, &view, &mut again);
        let mut is_coming = false;
        for file in &new {
            match self.before.new.get(&file.path) {
                _ if self.is_refused(file) => {}
                Some(stamp) if *stamp == file.stamp => work.takes.push(file.clone()),
                _ => is_coming = true,
            }
        }
        self.leaving.extend(self.before.folders.difference(&folders).cloned());
        self.leaving.retain(|folder| !folders.contains(folder));
        let missing = |there: &dyn Fn(&String) -> bool| {
            self.known.keys().filter(|unique| !there(unique)).cloned().collect()
        };
        let missing: [HashSet<String>; 2] =
            [missing(&|one| view.contains_key(one)), missing(&|one| tree.contains_key(one))];
        again |= is_coming;
        // As long as files go, somebody may be removing the view, not messages; and one that comes may
        // be the copy of one that goes, which it is not known yet whether it can be filed.
        let are_going = !missing[0].is_subset(&self.before.missing[0]);
        if are_going || is_coming {
            again |= !work.drop_tree.is_empty();
            work.drop_tree.clear();
        }
        let new = new.into_iter().map(|file| (file.path, file.stamp)).collect();
        self.before = Before { folders, new, view, missing };
        again |= self.carry_out(env, &tree, work)?;
        // What is in them may be on its way to another.
        let dir = &self.dir;
        self.leaving.retain(|folder| !dir.retire(folder));
        Ok(again)
    }

    /// Makes the folders that the view lacks. Whoever removes a whole folder of it deletes no
    /// messages: they come back.
    fn mend_folders(
        &mut self,
        folders: &BTreeSet<Folder>,
        files: &[ViewFile],
    ) -> Result<(), Error> {
        let there: HashSet<&str> = files.iter().map(|file| file.base.as_str()).collect();
        for folder in folders {
            if self.dir.has(folder) {
                continue;
            }
            // Those of a folder that was renamed are in another.
            let is_lost = |known: &&Known| {
                known.spot.folder == *folder && !there.contains(known.base.as_str())
            };
            let lost = self.known.values().filter(is_lost);
            let lost: Vec<String> = lost.map(|known| known.name.unique()).collect();
            lost.iter().try_for_each(|unique| self.forget(unique))?;
            self.dir.make(folder)?;
        }
        Ok(())
    }

    fn is_refused(&self, file: &ViewFile) -> bool {
        self.refused.get(&file.path).is_some_and(|(stamp, _)| *stamp == file.stamp)
    }

    /// Which files of the view are of which messages, and which are of none.
    fn sort(
        &mut self,
        files: Vec<ViewFile>,
        tree: &HashMap<String, Entry>,
    ) -> Result<(HashMap<String, ViewFile>, Vec<ViewFile>), Error> {
        let bases: HashMap<&str, &Known> =
            self.known.values().map(|known| (known.base.as_str(), known)).collect();
        let mut view: HashMap<String, ViewFile> = HashMap::new();
        let mut new = Vec::new();
        let mut doubles = Vec::new();
        for file in files {
            let known = bases.get(file.base.as_str());
            let unique = match known {
                Some(known) => known.name.unique(),
                None => match of_tree(&file.base) {
                    Some(name) if tree.contains_key(&name.unique()) => name.unique(),
                    _ => {
                        new.push(file);
                        continue;
                    }
                },
            };
            let known = self.known.get(&unique);
            // Of several files of one name that with the known number is the message.
            let is_it = |file: &ViewFile| known.is_some_and(|k| k.stamp.inode == file.stamp.inode);
            match view.remove(&unique) {
                None => drop(view.insert(unique, file)),
                Some(other) if other.stamp.inode == file.stamp.inode => {
                    view.insert(unique, file);
                }
                Some(other) if is_it(&other) => {
                    view.insert(unique, other);
                    doubles.push(file);
                }
                Some(other) => {
                    view.insert(unique, file);
                    doubles.push(other);
                }
            }
        }
        for file in doubles {
            let base = self.part(&file)?;
            new.push(ViewFile { base, ..file });
        }
        Ok((view, new))
    }

    fn plan(
        &self,
        tree: &HashMap<String, Entry>,
        view: &HashMap<String, ViewFile>,
        again: &mut bool,
    ) -> Work {
        let mut work = Work::default();
        let waiting: HashSet<String> = self.waiting.iter().map(|e| e.name.unique()).collect();
        let all: HashSet<&String> =
            tree.keys().chain(view.keys()).chain(self.known.keys()).collect();
        for unique in all {
            let (entry, file) = (tree.get(unique), view.get(unique));
            let known = self.known.get(unique);
            let is_as_known = match (known, file) {
                (Some(known), Some(file)) => known.spot == file.spot && known.stamp == file.stamp,
                (None, None) => true,
                _ => false,
            };
            let [not_in_view, not_in_tree] = &self.before.missing;
            let is_still = match (file, self.before.view.get(unique)) {
                (Some(now), Some(before)) => now == before,
                (Some(_), None) => false,
                (None, _) => not_in_view.contains(unique),
            };
            let has_settled = (is_as_known || known.is_none() && file.is_none() || is_still)
                && (entry.is_some() || not_in_tree.contains(unique));
            if !has_settled {
                *again = true;
                continue;
            }
            let spot = entry.map(open::spot);
            let sealed = spot.as_ref().zip(entry.map(|entry| Stamp::of_sealed(&entry.path)));
            // Renamed since it was listed: its text may be the same.
            if sealed.is_some_and(|(_, stamp)| stamp == Stamp::default()) {
                *again = true;
                continue;
            }
            let seen = file.map(|file| (&file.spot, file.stamp));
            if let (Some(entry), Some(file)) = (entry, file)
                && is_as_known
                && self.stale.contains(unique)
                && spot.as_ref() == Some(&file.spot)
            {
                work.renews.push((unique.clone(), entry.clone(), file.clone()));
                continue;
            }
            for step in steps(known, sealed, seen) {
                let unique = unique.clone();
                match (step, entry.cloned(), file.cloned()) {
                    (Step::Open, Some(entry), _) if !waiting.contains(&unique) => {
                        work.opens.push(entry);
                    }
                    (Step::Agree, Some(entry), Some(file)) => {
                        work.agrees.push((unique, entry.name, file));
                    }
                    (Step::Compare, Some(entry), Some(file)) if !self.is_refused(&file) => {
                        work.compares.push((unique, entry, file));
                    }
                    (Step::Renew, Some(entry), Some(file)) => {
                        work.renews.push((unique, entry, file));
                    }
                    (Step::Forget, ..) => work.forgets.push(unique),
                    (Step::DropView, _, Some(file)) => work.drop_view.push((unique, file)),
                    (Step::DropTree, Some(entry), _) => work.drop_tree.push((unique, entry)),
                    (Step::Edit, Some(entry), Some(file)) if !self.is_refused(&file) => {
                        work.edits.push((unique, entry, file));
                    }
                    // From now on the file is of no message, and taken by the next round.
                    (Step::Take, ..) => {
                        *again = true;
                        work.forgets.push(unique);
                    }
                    (Step::ToTree(to), Some(entry), _) => work.to_tree.push((unique, entry, to)),
                    (Step::ToView(to), _, Some(file)) => work.to_view.push((unique, file, to)),
                    _ => {}
                }
            }
        }
        work
    }

    /// Does what is planned. Says whether something was left for the next round.
    fn carry_out(
        &mut self,
        env: &mut Env<'_>,
        tree: &HashMap<String, Entry>,
        work: Work,
    ) -> Result<bool, Error> {
        self.wait_for(work.opens);
        self.take(env, tree, &work.takes)?;
        for (unique, name, ViewFile { base, spot, .. }) in work.agrees {
            if let Some(known) = self.known.get(&unique).cloned() {
                self.note(Known { name, spot, base, ..known })?;
            }
        }
        let compared = !work.compares.is_empty();
        for (unique, entry, file) in work.compares {
            self.compare(env, &unique, &entry, &file)?;
        }
        // An edited message has a new file in the tree: what else is planned for it is for the next
        // round.
        let edited: HashSet<String> =
            work.edits.iter().map(|(unique, ..)| unique.clone()).collect();
        for (unique, entry, file) in work.edits {
            self.edit(env, &unique, &entry, &file)?;
        }
        self.move_in_tree(env, work.to_tree, &edited)?;
        for (unique, file, to) in work.to_view {
            if self.dir.rename(&file.path, &file.base, &to)? {
                self.at_spot(&unique, to)?;
            }
        }
        for (unique, file) in work.drop_view {
            self.dir.remove(&file.path)?;
            self.forget(&unique)?;
        }
        let again = self.delete_in_tree(env, work.drop_tree)?;
        work.forgets.iter().try_for_each(|unique| self.forget(unique))?;
        let renewed = self.renew(work.renews)?;
        Ok(again || renewed || compared || !edited.is_empty())
    }

    fn move_in_tree(
        &mut self,
        env: &Env<'_>,
        moves: Vec<(String, Entry, Spot)>,
        edited: &HashSet<String>,
    ) -> Result<(), Error> {
        if moves.is_empty() {
            return Ok(());
        }
        let _lock = env.lock()?;
        let mut batch = self.mail.batch();
        let mut moved = Vec::new();
        for (unique, entry, to) in moves {
            if edited.contains(&unique) {
                continue;
            }
            let there = match to.folder == entry.folder {
                true => Some(entry),
                false => batch.move_to(&entry, &to.folder)?,
            };
            let done = match (there, to.place) {
                (Some(there), Place::Cur(flags)) => batch.set_flags(&there, flags)?,
                (there, Place::New) => there,
                (None, _) => None,
            };
            moved.extend(done.map(|_| (unique, to)));
        }
        batch.flush()?;
        moved.into_iter().try_for_each(|(unique, to)| self.at_spot(&unique, to))
    }

    /// Deletes in the tree what was deleted in the view, if the folder it lay in is still there.
    fn delete_in_tree(
        &mut self,
        env: &mut Env<'_>,
        gone: Vec<(String, Entry)>,
    ) -> Result<bool, Error> {
        let mut again = false;
        let is_whole = self.dir.is_whole();
        let copied = if gone.is_empty() { HashSet::new() } else { self.copied()? };
        let (kept, gone): (Vec<_>, Vec<_>) =
            gone.into_iter().partition(|(unique, _)| copied.contains(unique));
        // It comes back: what stands for it elsewhere was not filed.
        kept.iter().try_for_each(|(unique, _)| self.forget(unique))?;
        again |= !kept.is_empty();
        let (held, gone): (Vec<_>, Vec<_>) =
            gone.into_iter().partition(|(_, entry)| entry.folder == Folder::quarantine());
        let lock = (!gone.is_empty()).then(|| env.lock()).transpose()?;
        let mut done = Vec::new();
        let mut batch = self.mail.batch();
        for (unique, entry) in gone {
            let folder = self.known.get(&unique).map(|known| known.spot.folder.clone());
            if !is_whole || folder.is_some_and(|folder| !self.dir.has(&folder)) {
                again = true;
                continue;
            }
            batch.remove(&entry)?;
            done.push(unique);
        }
        batch.flush()?;
        drop(lock);
        for (unique, entry) in held {
            if is_whole && self.dir.has(&entry.folder) {
                quarantine::drop(env, &entry)?;
                done.push(unique);
            }
        }
        done.iter().try_for_each(|unique| self.forget(unique))?;
        Ok(again)
    }

    fn at_spot(&mut self, unique: &str, spot: Spot) -> Result<(), Error> {
        match self.known.get(unique).cloned() {
            Some(known) => self.note(Known { spot, ..known }),
            None => Ok(()),
        }
    }

    pub(super) fn note(&mut self, known: Known) -> Result<(), Error> {
        self.dir.knows(&[&known])?;
        self.known.insert(known.name.unique(), known);
        Ok(())
    }

    pub(super) fn forget(&mut self, unique: &str) -> Result<(), Error> {
        self.dir.forgets(unique)?;
        self.known.remove(unique);
        Ok(())
    }
}
