/* error: the host was called from another thread */
#include "hostile.h"

#include <pthread.h>

static void *other(void *data)
{
    const yolo_call *call = data;
    call->host->affine(call->graph, call->inputs[0], 1.0, 0.0);
    return NULL;
}

BUILD
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, other, (void *)(size_t)call) == 0)
        pthread_join(thread, NULL);
    return x;
}
