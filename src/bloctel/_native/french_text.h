/* Fast parser of the most frequent forms of French phone numbers, with few branches.
 *
 * A key is the integer that identifies a phone line: 33 and the nine digits of the
 * number. For each text, the parser returns the key that the complete parser in
 * _digits.pyx returns, or 0. If the result is 0, the caller must call the complete
 * parser. Digits without a country code are French numbers.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#error "digits are read eight at a time, which works on little-endian machines only"
#endif

#define FRENCH_NSN_DIGITS 9
#define FRENCH_LONGEST_TEXT 32
#define FRENCH_LONGEST_EXTENSION 7 /* digits after the word "poste" */
/* Return four characters as a little-endian uint32. */
#define FRENCH_WORD(a, b, c, d) \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

/* Return the key of a French number; `nsn` is its nine digits without the first 0. The
 * keys of Saint-Pierre-et-Miquelon do not begin with 33: 0508 41 12 34 has the key
 * 508411234. */
static inline uint64_t french_key(uint64_t nsn)
{
    return nsn - 508000000 < 1000000 ? nsn : UINT64_C(33000000000) + nsn;
}

/* Return the key of an integer that begins with 33, such as 33639981234, or 0. */
static inline uint64_t french_integer_key(int64_t value)
{
    const uint64_t nsn = (uint64_t)value - UINT64_C(33000000000);
    return nsn - 100000000 < 900000000 ? french_key(nsn) : 0;
}

/* Return an integer whose highest bit is 0 if `key` is a French key that begins with 33.
 * There is no branch, so that a loop over many integers compiles to SIMD. */
static inline uint64_t french_not_key(uint64_t key)
{
    const uint64_t above = key - UINT64_C(33100000000);
    const uint64_t below = UINT64_C(33999999999) - key;
    const uint64_t pierre = key - UINT64_C(33508000000); /* as in french_key */
    return above | below | (~pierre & (pierre - 1000000));
}

static inline int french_are_plain_keys(const uint64_t *keys, size_t n)
{
    uint64_t not_keys = 0;
    for (size_t i = 0; i < n; i++)
        not_keys |= french_not_key(keys[i]);
    return !(not_keys >> 63);
}

/* Return whether eight bytes are ASCII digits (0x30 to 0x39): the upper four bits of
 * each byte are 3, and are still 3 after 6 is added to the byte. */
static inline int french_are_digits(uint64_t word)
{
    const uint64_t high = UINT64_C(0xF0F0F0F0F0F0F0F0);
    const uint64_t carried = word + UINT64_C(0x0606060606060606);
    return ((word & high) | (carried & high) >> 4) == UINT64_C(0x3333333333333333);
}

/* Return the value of eight ASCII digits. The first step combines each two digits to a
 * number below 100, the second step combines each two of these numbers, and so on. */
static inline uint64_t french_value(uint64_t word)
{
    word = ((word & UINT64_C(0x0F0F0F0F0F0F0F0F)) * (10 * 256 + 1)) >> 8;
    word = ((word & UINT64_C(0x00FF00FF00FF00FF)) * (100 * 65536 + 1)) >> 16;
    return ((word & UINT64_C(0x0000FFFF0000FFFF))
            * (10000 * (UINT64_C(1) << 32) + 1)) >> 32;
}

/* Return the key of the last nine characters; 0 if one is not a digit or the first is 0. */
static inline uint64_t french_last_nine(const uint8_t *text, size_t n)
{
    const uint64_t first = (uint64_t)text[n - FRENCH_NSN_DIGITS] - '0';
    uint64_t word;
    memcpy(&word, text + n - 8, sizeof word);
    const int fits = french_are_digits(word) & (first - 1 < 9);
    return fits ? french_key(first * 100000000 + french_value(word)) : 0;
}

/* Return the key of a text in one of the forms 0639981234, 639981234, 33639981234,
 * +33639981234 and 0033639981234; 0 for any other text. */
static inline uint64_t french_clean_key(const uint8_t *text, size_t n)
{
    static const uint32_t masks[] = {0, 0xFF, 0xFFFF, 0xFFFFFF, 0xFFFFFFFF};
    static const uint32_t prefixes[] = {
        0, '0', FRENCH_WORD('3', '3', 0, 0), FRENCH_WORD('+', '3', '3', 0),
        FRENCH_WORD('0', '0', '3', '3'),
    };
    const size_t form = n - FRENCH_NSN_DIGITS;
    uint32_t start;
    if (form > 4)
        return 0;
    memcpy(&start, text, sizeof start);
    return (start & masks[form]) == prefixes[form] ? french_last_nine(text, n) : 0;
}

/* Return the key of a text that starts with "+330" (the 0 is wrong, but frequent) or an
 * overseas country code, such as "+262", followed by nine digits; 0 for any other text. */
static inline uint64_t french_abroad_key(const uint8_t *text, size_t n)
{
    uint32_t start;
    if (n != 4 + FRENCH_NSN_DIGITS)
        return 0;
    memcpy(&start, text, sizeof start);
    switch (start) {
    case FRENCH_WORD('+', '3', '3', '0'):
    case FRENCH_WORD('+', '2', '6', '2'):
    case FRENCH_WORD('+', '5', '0', '8'):
    case FRENCH_WORD('+', '5', '9', '0'):
    case FRENCH_WORD('+', '5', '9', '4'):
    case FRENCH_WORD('+', '5', '9', '6'):
        return french_last_nine(text, n);
    default:
        return 0;
    }
}

/* Kinds of bytes. A byte that this parser does not know has the kind 0. */
enum {
    FRENCH_KEPT = 1, /* digits and plus signs, which french_compact copies */
    FRENCH_DIGIT = 2,
    FRENCH_BLANK = 4,
    FRENCH_DOT = 8,
    FRENCH_LEAD = 16,  /* first byte of a no-break space or soft hyphen in UTF-8 */
    FRENCH_TRAIL = 32, /* second byte of these characters */
};

static const uint8_t french_kinds[256] = {
    ['0'] = FRENCH_KEPT | FRENCH_DIGIT, ['1'] = FRENCH_KEPT | FRENCH_DIGIT,
    ['2'] = FRENCH_KEPT | FRENCH_DIGIT, ['3'] = FRENCH_KEPT | FRENCH_DIGIT,
    ['4'] = FRENCH_KEPT | FRENCH_DIGIT, ['5'] = FRENCH_KEPT | FRENCH_DIGIT,
    ['6'] = FRENCH_KEPT | FRENCH_DIGIT, ['7'] = FRENCH_KEPT | FRENCH_DIGIT,
    ['8'] = FRENCH_KEPT | FRENCH_DIGIT, ['9'] = FRENCH_KEPT | FRENCH_DIGIT,
    ['+'] = FRENCH_KEPT, ['.'] = FRENCH_DOT, [' '] = FRENCH_BLANK,
    ['\t'] = FRENCH_BLANK, ['-'] = FRENCH_BLANK, ['('] = FRENCH_BLANK,
    [')'] = FRENCH_BLANK, [0xC2] = FRENCH_LEAD,
    [0xA0] = FRENCH_BLANK | FRENCH_TRAIL, [0xAD] = FRENCH_BLANK | FRENCH_TRAIL,
};

/* Copy the digits and plus signs of a text, and return how many were copied. Return 0 if
 * a byte has the kind 0. Return 0 also if one or two dots follow a digit, because the
 * text may be a decimal number; the complete parser decides. */
static inline size_t french_compact(const uint8_t *text, size_t n, uint8_t *kept)
{
    size_t n_kept = 0;
    unsigned n_dots = 0, is_known = 1, previous = 0;
    for (size_t i = 0; i < n; i++) {
        const unsigned kind = french_kinds[text[i]];
        kept[n_kept] = text[i];
        n_kept += kind & FRENCH_KEPT;
        n_dots += (kind / FRENCH_DOT) & (previous / FRENCH_DIGIT) & 1;
        is_known &= (kind != 0)
            & ((previous != FRENCH_LEAD) | ((kind & FRENCH_TRAIL) != 0));
        previous = kind;
    }
    return is_known && previous != FRENCH_LEAD && (n_dots == 0 || n_dots > 2) ? n_kept
                                                                              : 0;
}

/* Return the length of a text without its extension ("poste 12"); 0 if it has none. */
static inline size_t french_before_extension(const uint8_t *text, size_t n)
{
    static const char word[] = "poste";
    const size_t length = sizeof word - 1;
    size_t end = n;
    while (end && (uint8_t)(text[end - 1] - '0') < 10)
        end--;
    if (end == n || n - end > FRENCH_LONGEST_EXTENSION)
        return 0;
    while (end && text[end - 1] == ' ')
        end--;
    return end > length && !memcmp(text + end - length, word, length) ? end - length : 0;
}

/* Return the key of a number in the form 06 39 98 12 34, 06.39.98.12.34 or
 * 06-39-98-12-34; 0 for any other text. Most directories use these forms. */
static inline uint64_t french_paired_key(const uint8_t *text, size_t n)
{
    uint64_t start, end; /* the first eight characters, and the last eight */
    if (n != 14)
        return 0;
    memcpy(&start, text, sizeof start);
    memcpy(&end, text + 6, sizeof end);
    const uint64_t between = UINT64_C(0x0000FF0000FF0000);
    const uint64_t separator = start >> 16 & 0xFF;
    const int is_known = (separator == ' ') | (separator == '.') | (separator == '-');
    const uint64_t both = separator << 16 | separator << 40;
    const int is_paired = ((start & between) == both) & ((end & between) == both);
    const uint64_t first = (start >> 8 & 0xFF) - '0';
    const uint64_t digits = (start >> 24 & 0xFFFF) | (start >> 32 & 0xFFFF0000)
        | (end << 8 & UINT64_C(0x0000FFFF00000000)) | (end & UINT64_C(0xFFFF000000000000));
    const int fits = is_known & is_paired & ((start & 0xFF) == '0') & (first - 1 < 9)
        & french_are_digits(digits);
    return fits ? french_key(first * 100000000 + french_value(digits)) : 0;
}

/* Return the key of a text with blanks, dashes, dots or parentheses, with or without an
 * extension at its end; 0 if the text is in no form that this parser knows. */
static inline uint64_t french_spaced_key(const uint8_t *text, size_t n)
{
    uint8_t kept[FRENCH_LONGEST_TEXT];
    const uint64_t paired = french_paired_key(text, n);
    if (paired)
        return paired;
    if (n > FRENCH_LONGEST_TEXT)
        return 0;
    size_t n_kept = french_compact(text, n, kept);
    if (!n_kept)
        n_kept = french_compact(text, french_before_extension(text, n), kept);
    const uint64_t key = french_clean_key(kept, n_kept);
    return key ? key : french_abroad_key(kept, n_kept);
}
