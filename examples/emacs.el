;;; emacs.el --- letters by poste from Emacs  -*- lexical-binding: t -*-

;; Load this from your init file.  Writing works anywhere: C-x m, to bob@poste.  For reading run
;; Emacs in the view, `poste view -- emacs', where POSTE_VIEW names the directory of Maildirs.

(setq user-mail-address "me@poste"
      mail-host-address "poste"
      send-mail-function #'sendmail-send-it
      message-send-mail-function #'message-send-mail-with-sendmail
      sendmail-program "/usr/local/bin/poste-sendmail"
      ;; poste files the copy of what was sent itself.
      message-default-mail-headers ""
      message-fcc-handler-function #'ignore
      ;; What is refused, such as a name that nobody has, is said at once.
      message-interactive t
      ;; Nor does Emacs: what is being written is plain text, and stays in memory.
      message-auto-save-directory nil)

(add-hook 'message-mode-hook
          (lambda ()
            (setq-local make-backup-files nil)
            (auto-save-mode -1)))

;; Names complete in To and Cc.
(defun poste-query (start)
  "Addresses of contacts and groups whose names begin with START."
  (let ((lines (ignore-errors (process-lines "poste" "query" start))))
    (mapcar (lambda (line) (car (split-string line "\t"))) (cdr lines))))

(defun poste-complete ()
  "Complete the name before point in a header of addresses."
  (when (and (mail-abbrev-in-expansion-header-p)
             (looking-back "[a-z0-9._-]+" (line-beginning-position) t))
    (let ((start (match-beginning 0)))
      (list start (point) (poste-query (buffer-substring start (point)))))))

(with-eval-after-load 'message
  (add-hook 'message-mode-hook
            (lambda () (add-hook 'completion-at-point-functions #'poste-complete nil t))))

;; Reading in Gnus.  Its drafts, which are plain text, stay in memory too.
(when (getenv "POSTE_VIEW")
  (setq gnus-select-method `(nnmaildir "poste" (directory ,(getenv "POSTE_VIEW")))
        gnus-message-archive-group nil
        gnus-agent nil))
(when (getenv "XDG_RUNTIME_DIR")
  (setq gnus-directory (expand-file-name "poste-emacs/" (getenv "XDG_RUNTIME_DIR"))))

;;; emacs.el ends here
