/* Every dialogue file, at every cut: rows E01 and, by the files' names and comments, the others. */
#define _POSIX_C_SOURCE 200809L

#include "t_smtp.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define FILES_MAX 200u

static char paths[FILES_MAX][512];

static void plays(void **state) {
    t_dialogue_each_cut(*state);
}

static int by_name(const void *a, const void *b) {
    return strcmp(a, b);
}

int main(void) {
    static struct CMUnitTest tests[FILES_MAX];
    size_t n = 0;
    DIR *dir = opendir(POSTA_DIALOGUES);
    const struct dirent *entry;
    if (!dir) return 1;
    while ((entry = readdir(dir)) && n < FILES_MAX) {
        size_t len = strlen(entry->d_name);
        if (len < 4 || strcmp(entry->d_name + len - 4, ".txt") != 0) continue;
        snprintf(paths[n++], sizeof paths[0], "%s/%s", POSTA_DIALOGUES, entry->d_name);
    }
    closedir(dir);
    if (n == 0 || n == FILES_MAX) return 1;
    qsort(paths, n, sizeof paths[0], by_name);
    for (size_t i = 0; i < n; i++)
        tests[i] = (struct CMUnitTest){
            .name = strrchr(paths[i], '/') + 1, .test_func = plays, .initial_state = paths[i]};
    return _cmocka_run_group_tests("dialogues", tests, n, NULL, NULL);
}
