
# Names of people, groups and folders, which poste lists without a passphrase or the network.
_poste_ask() {
    case $1 in
        people) "${_poste_home[@]}" contacts 2>/dev/null | awk -F '\t' '$3 ~ /firmed|introduced|ended|blocked/ { print $1 }' ;;
        groups) "${_poste_home[@]}" groups 2>/dev/null | awk -F '\t' '$3 != "invited" { print $1 }' ;;
        requests)
            "${_poste_home[@]}" contacts 2>/dev/null | awk -F '\t' '$3 ~ /^(request|invitation)$/ { print $1 }' ;;
        both) _poste_ask people; _poste_ask groups ;;
        authors) echo me; _poste_ask people ;;
        folders)
            printf '%s\n' inbox requests quarantine; _poste_ask both
            "${_poste_home[@]}" list 2>/dev/null | awk -F / '{ print $(NF - 2) }' | sort -u ;;
    esac
}

_poste_with_names() {
    local word path= option= waits= what= count=0 i
    local -a _poste_home=("$1" --no-input)
    _poste "$@"
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        [[ $word == = ]] && continue
        if [[ $waits ]]; then
            case $option in --home | --config) _poste_home+=("$option" "${word/#\~/$HOME}") ;; esac
            waits=
        elif [[ $word == -* ]]; then
            option=$word
            case "$path $option" in
@TAKES@) waits=yes ;;
            esac
        elif [[ -z $path || $path == group ]]; then
            path="${path:+$path }$word"
        else
            ((count += 1))
        fi
    done
    local at=$count
    [[ $waits ]] && at=$option
    case "$path $at" in
@WHAT@
    esac
    word=${COMP_WORDS[COMP_CWORD]}
    [[ $word == = ]] && word=
    if [[ $what && $word != -* ]]; then
        # Flags have been looked up already, and what stands in their place is no word.
        local IFS=$'\n'
        COMPREPLY=($(compgen -W "$(_poste_ask "$what" | sort -u)" -- "$word"))
    fi
}

complete -F _poste_with_names -o bashdefault -o default poste
