using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Serverless.Core;
using Serverless.Core.Access;
using Serverless.Core.Messaging;
using Serverless.Core.Notifications;
using Serverless.Core.Reports;
using Serverless.Core.Submit;
using Serverless.Core.Workspaces;
using Serverless.Functions.Http;
using Serverless.Functions.Reports;

namespace Serverless.Functions.Hosting;

/// <summary>What function classes ask for, whoever hosts them.</summary>
static class PlatformServices
{
    /// <summary>The host adds <see cref="IWorkspaces"/>, <see cref="IMessageBus"/>, <see cref="TimeProvider"/>, <see cref="SubmissionOptions"/>, <see cref="WebhookOptions"/> and <see cref="ApiLimits"/>.</summary>
    public static IServiceCollection AddPlatform(this IServiceCollection services) => services
        .AddSingleton<IIds, SystemIds>()
        .AddSingleton(all => new ApiKeys(
            all.GetRequiredService<IWorkspaces>().Platform, all.GetRequiredService<TimeProvider>(), all.GetRequiredService<IIds>(),
            damaged => all.GetRequiredService<ILogger<ApiKeys>>().LogWarning("{Damaged}", damaged)))
        .AddSingleton<WorkspaceDirectory>()
        .AddSingleton<WebhookSender>()
        .AddSingleton<Notifier>()
        .AddSingleton<IChartDrawing, ChartDrawing>()
        .AddSingleton<Gate>();
}
