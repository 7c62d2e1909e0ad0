using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Serverless.Functions.Http;

namespace Serverless.Functions.Hosting;

/// <summary>Routes to functions, and problem details for what no function answers.</summary>
static class HttpPipeline
{
    public static void Map(WebApplication app, IReadOnlyList<HttpFunction> functions, Func<Type, object> instances)
    {
        var log = app.Services.GetRequiredService<ILogger<EmbeddedHost>>();
        app.Use(next => context => Guarded(context, next, log));
        app.UseRouting();
        foreach (var function in functions)
        {
            app.MapMethods("/api/" + function.Route, function.Methods, new Invocation(function.Method, instances).Http);
        }
    }

    private static async Task Guarded(HttpContext context, RequestDelegate next, ILogger log)
    {
        try
        {
            if (RawPath.Problem(context) is { } problem)
            {
                await Answer.Problem(StatusCodes.Status400BadRequest, problem).Write(context);
                return;
            }

            await next(context);
            if (context.Response is { HasStarted: false, ContentLength: null, ContentType: null } response)
            {
                if (response.StatusCode == StatusCodes.Status404NotFound) await Answer.NotFound(
                    $"there is nothing at {context.Request.Path}; /api/openapi.json says what there is").Write(context);
                else if (response.StatusCode == StatusCodes.Status405MethodNotAllowed) await NotAllowed(context);
            }
        }
        catch (Exception fault)
        {
            var answer = Faults.Translate(fault, context, log);
            if (context.RequestAborted.IsCancellationRequested) return;

            // A body that has begun cannot become an error; cutting it off says that it is not whole.
            if (context.Response.HasStarted) context.Abort();
            else
            {
                context.Response.Clear();
                await answer.Write(context);
            }
        }
    }

    private static Task NotAllowed(HttpContext context)
    {
        var allowed = context.Response.Headers.Allow.ToString();
        return Answer.Problem(StatusCodes.Status405MethodNotAllowed, $"{context.Request.Method} is not possible here; {allowed} is").Write(context);
    }
}
