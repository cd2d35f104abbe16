# Names of people, groups and folders, letters and drafts, which poste lists without a passphrase or the
# network.
(( $+functions[_poste_ask] )) ||
_poste_ask() {
    local -a line=(${(z)LBUFFER}) home=(poste --no-input)
    local -i i
    for (( i = 2; i < $#line; i++ )); do
        case $line[i] in
            (--home|--config) home+=($line[i] ${~${(Q)line[i + 1]}}) ;;
            (--home=*|--config=*) home+=(${line[i]%%=*} ${~${(Q)line[i]#*=}}) ;;
        esac
    done
    local -a found
    case $1 in
        (people) found=(${(f)"$($home contacts 2>/dev/null | awk -F '\t' '$3 ~ /firmed|introduced|ended|blocked/ { print $1 }')"}) ;;
        (groups) found=(${(f)"$($home groups 2>/dev/null | awk -F '\t' '$3 != "invited" { print $1 }')"}) ;;
        (invited) found=(${(f)"$($home groups 2>/dev/null | cut -f 1)"}) ;;
        (commands) _poste_commands; return ;;
        (drafts)
            found=(${(f)"$($home drafts 2>/dev/null | tr '\t' ':')"})
            _describe draft found; return ;;
        (letters)
            found=(${(f)"$($home outbox 2>/dev/null | awk -F '\t' '$3 ~ /queued|posted|partly/ { print $1 ":" $2 ", " $3 }')"})
            _describe letter found; return ;;
        (quarantined)
            _files
            found=(${(f)"$($home quarantine 2>/dev/null | awk -F / '{ split($NF, part, "."); print part[2] }')"}) ;;
        (files) _files; return ;;
        (directories) _files -/; return ;;
        (command) _normal; return ;;
        (filed) _files; _poste_ask folders; return ;;
        (requests) found=(${(f)"$($home contacts 2>/dev/null | awk -F '\t' '$3 ~ /^(request|invitation)$/ { print $1 }')"}) ;;
        (both) _poste_ask people; _poste_ask groups; return ;;
        (authors) compadd me; _poste_ask people; return ;;
        (folders)
            found=(inbox requests quarantine ${(f)"$($home list 2>/dev/null | awk -F / '{ print $(NF - 2) }' | sort -u)"})
            _poste_ask both ;;
    esac
    compadd -a found
}
