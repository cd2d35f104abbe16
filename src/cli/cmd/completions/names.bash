
# Names of people, groups and folders, letters and drafts, which poste lists without a passphrase or the
# network.
_poste_ask() {
    case $1 in
        people) "${_poste_home[@]}" contacts 2>/dev/null | awk -F '\t' '$3 ~ /firmed|introduced|ended|blocked/ { print $1 }' ;;
        groups) "${_poste_home[@]}" groups 2>/dev/null | awk -F '\t' '$3 != "invited" { print $1 }' ;;
        invited) "${_poste_home[@]}" groups 2>/dev/null | cut -f 1 ;;
        requests)
            "${_poste_home[@]}" contacts 2>/dev/null | awk -F '\t' '$3 ~ /^(request|invitation)$/ { print $1 }' ;;
        both) _poste_ask people; _poste_ask groups ;;
        commands) printf '%s\n' @COMMANDS@ ;;
        drafts) "${_poste_home[@]}" drafts 2>/dev/null | cut -f 1 ;;
        letters)
            "${_poste_home[@]}" outbox 2>/dev/null | awk -F '\t' '$3 ~ /queued|posted|partly/ { print $1 }' ;;
        quarantined)
            "${_poste_home[@]}" quarantine 2>/dev/null | awk -F / '{ split($NF, part, "."); print part[2] }' ;;
        authors) echo me; _poste_ask people ;;
        folders | filed)
            printf '%s\n' inbox requests quarantine; _poste_ask both
            "${_poste_home[@]}" list 2>/dev/null | awk -F / '{ print $(NF - 2) }' | sort -u ;;
    esac
}

_poste_with_names() {
    local word path= option= waits= what= dashes= count=0 i
    local -a _poste_home=("$1" --no-input)
    _poste "$@"
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        [[ $word == = ]] && continue
        if [[ $waits ]]; then
            case $option in --home | --config) _poste_home+=("$option" "${word/#\~/$HOME}") ;; esac
            waits=
        elif [[ $word == -- && -z $dashes ]]; then
            dashes=$i
        elif [[ $word == -* && -z $dashes ]]; then
            option=$word
            case "$path $option" in
@TAKES@) waits=yes ;;
            esac
        else
            case "$path" in
                '' | @NESTED@) path="${path:+$path }$word" ;;
                *) ((count += 1)) ;;
            esac
        fi
    done
    local at=$count
    [[ $waits ]] && at=$option
    case "$path $at" in
@WHAT@
    esac
    word=${COMP_WORDS[COMP_CWORD]}
    [[ $word == = ]] && word=
    # Flags have been looked up already, and what stands in their place is no word.
    [[ $what && ( $dashes || $word != -* ) ]] || return 0
    local IFS=$'\n'
    case $what in
        # What -o default has.
        files) COMPREPLY=() ;;
        directories)
            compopt -o filenames
            COMPREPLY=($(compgen -d -- "$word")) ;;
        nothing)
            compopt +o default +o bashdefault
            COMPREPLY=() ;;
        values\ *)
            IFS=$' \n'
            COMPREPLY=($(compgen -W "${what#values }" -- "$word")) ;;
        command)
            if [[ -z $dashes ]]; then
                COMPREPLY=($(compgen -W '--' -- "$word"))
            elif ((COMP_CWORD == dashes + 1)); then
                COMPREPLY=($(compgen -c -- "$word" | sort -u))
            elif declare -F _command_offset >/dev/null; then
                IFS=$' \t\n'
                _command_offset $((dashes + 1))
            else
                COMPREPLY=()
            fi ;;
        *)
            COMPREPLY=($(compgen -W "$(_poste_ask "$what" | sort -u)" -- "$word"))
            if [[ $what == filed || $what == quarantined ]]; then
                compopt -o filenames
                COMPREPLY+=($(compgen -f -- "$word"))
            fi ;;
    esac
}

complete -F _poste_with_names -o bashdefault -o default poste
