;;; emacs.el --- what emacs.sh has Emacs do  -*- lexical-binding: t -*-

;; Run in batch mode in the view, after examples/emacs.el.  Any error ends Emacs with a status.

(require 'gnus)
(require 'message)

(defun expect (holds what)
  "Fail with WHAT unless HOLDS."
  (unless holds (error "It does not hold: %s" what)))

(defun expect-no-file ()
  "Fail if what is written in this buffer would come into a file."
  (expect (not (or buffer-file-name buffer-auto-save-file-name make-backup-files))
          "nothing of a letter comes into a file"))

;; As C-x m does.
(compose-mail "" "written in Emacs")
(message-goto-to)
(insert "bo")
(completion-at-point)
(expect (equal (message-fetch-field "To") "bob@poste") "a name completes")
(message-goto-body)
(insert "Dear bob,\nhow about Friday?\n")
(expect-no-file)
(message-send)

;; What nobody is called is said at once, and the letter stays.
(compose-mail "nobody@poste" "lost")
(message-goto-body)
(insert "Hello\n")
(expect (condition-case nil (progn (message-send) nil) (error t)) "a wrong name is refused")
(set-buffer-modified-p nil)

;; Without a terminal there are no colours, and this asks for them again and again.
(setq gnus-message-highlight-citation nil)
(gnus)
(gnus-group-list-all-groups 5)
(goto-char (point-min))
(expect (search-forward ": bob" nil t) "the folders are groups")
(gnus-group-read-group t t "bob")
(goto-char (point-min))
(expect (search-forward "by the river" nil t) "the messages are listed")
(gnus-summary-select-article)
(with-current-buffer gnus-article-buffer
  (goto-char (point-min))
  (expect (search-forward "Shall we meet?" nil t) "the message is shown"))
(gnus-summary-reply)
(message-goto-body)
(insert "Yes.\n")
(expect-no-file)
(message-send)
(with-current-buffer gnus-summary-buffer (gnus-summary-exit))
(with-current-buffer gnus-group-buffer (gnus-group-exit))

;;; emacs.el ends here
