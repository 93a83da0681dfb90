"""Rules of opposition lists, read from TOML files with dates and sources.

The rules of each list are in one TOML file.  The file is in this package, or your
program passes its path to `register`.  The file has these sections and keys:

```text
[list]                  name, title, time_zone
[opening]               opens_on
[closing]               closes_on, since          (only if the list has an end)
[distribution]          regions                   (only if the list is handed out)
[[protection_delay]]    max_days
[[term]]                years or days             (no key: no limit)
[[renewal]]             kind, notice_months, terms_ending_from  (for terms of years)
[[retention]]           withdrawn_days, lapsed_years
[[answer_validity]]     days
[[confirmation]]        mail_within_hours, link_valid_days       (optional)
[[numbers_per_person]]  max                                      (optional)
```

Every section except `[list]` also has the keys `source` and `certainty`, and optionally
`note`.  Each section in double brackets is one version of a rule.  The version applies
from the day `valid_from` until the day before `valid_until`; the last version has no
`valid_until`.  On each day until the list closes, one version of each rule applies.
"""

from bloctel.rules._list_rules import (
    ListRules,
    digest,
    load,
    names,
    parse,
    register,
    registered,
    shown_name,
    unknown_list_error,
)
from bloctel.rules._list_rules import check_name as check_name
from bloctel.rules._list_rules import cleared_name as cleared_name
from bloctel.rules._list_rules import load_stored as load_stored
from bloctel.rules._list_rules import shared_rules_of as shared_rules_of
from bloctel.rules._versions import (
    AnswerValidity,
    Certainty,
    Closing,
    Confirmation,
    Distribution,
    NumbersPerPerson,
    Opening,
    ProtectionDelay,
    Renewal,
    RenewalKind,
    Retention,
    Sourced,
    Term,
    Version,
    in_force,
)

__all__ = [
    "AnswerValidity",
    "Certainty",
    "Closing",
    "Confirmation",
    "Distribution",
    "ListRules",
    "NumbersPerPerson",
    "Opening",
    "ProtectionDelay",
    "Renewal",
    "RenewalKind",
    "Retention",
    "Sourced",
    "Term",
    "Version",
    "digest",
    "in_force",
    "load",
    "names",
    "parse",
    "register",
    "registered",
    "shown_name",
    "unknown_list_error",
]
